/* The weight gradient of a depthwise k x k convolution, channels last, that takes every column
 * and one row in `stride`.
 *
 * padded   N, R, W + k - 1, C   what went in, zeros around it; R = H * stride + k - 1
 * gradient N, H, W, C           of what came out
 * weight   k, k, C              added to, so the caller clears it
 *
 * Sixteen channels at a time; the k sums of a row of the kernel stay in registers while the
 * columns go by. C must be a multiple of 16 and k 3 or 5.
 */
typedef float lanes __attribute__((vector_size(64), aligned(4)));

#define ROW(K)                                                                                  \
    for (long c = 0; c < C; c += 16) {                                                          \
        lanes sums[K] = {{0}};                                                                  \
        const float *g = gradient + ((n * H + h) * W) * C + c;                                  \
        const float *x = padded + ((n * R + h * stride + u) * (W + K - 1)) * C + c;             \
        for (long w = 0; w < W; w++, g += C, x += C)                                            \
            for (long v = 0; v < K; v++)                                                        \
                sums[v] += *(const lanes *)(x + v * C) * *(const lanes *)g;                     \
        for (long v = 0; v < K; v++)                                                            \
            *(lanes *)(weight + (u * K + v) * C + c) += sums[v];                                \
    }

void weight_gradient(const float *padded, const float *gradient, float *weight,
                     long N, long H, long W, long C, long k, long stride) {
    const long R = H * stride + k - 1;
    for (long n = 0; n < N; n++)
        for (long h = 0; h < H; h++)
            for (long u = 0; u < k; u++) {
                if (k == 5) ROW(5) else ROW(3)
            }
}
