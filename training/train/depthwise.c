/* The weight gradient of a depthwise k x k convolution, channels last, that takes every column
 * and one row in `stride`, with zeros around.
 *
 * x        N, H * stride, W, C   the input: float, or bfloat16 as its sixteen bits
 * gradient N, H, W, C            of the output, of the same type
 * weight   k, k, C               float; the sums are added to it, so the caller clears it
 *
 * Sixteen channels at a time: as the columns go by, the last k of them and the k sums of a row of
 * the kernel stay in registers, so each number is loaded once per row. C must be a multiple of 16.
 */
#include <string.h>

typedef float lanes __attribute__((vector_size(64), aligned(4)));
typedef unsigned words __attribute__((vector_size(64), aligned(4)));
typedef unsigned short halves __attribute__((vector_size(32), aligned(2)));

static inline lanes load_float(const float *from) { return *(const lanes *)from; }

static inline lanes load_bfloat16(const unsigned short *from)
{
    words wide = __builtin_convertvector(*(const halves *)from, words) << 16;
    lanes values;
    memcpy(&values, &wide, sizeof values);
    return values;
}

#define ROW(K, TYPE)                                                                            \
    for (long c = 0; c < C; c += 16) {                                                          \
        const TYPE *in = x + (n * R + r) * W * C + c, *out = gradient + (n * H + h) * W * C + c; \
        lanes sums[K] = {{0}}, window[K] = {{0}};                                               \
        for (long w = 0; w < K / 2 && w < W; w++) window[K / 2 + 1 + w] = load_##TYPE(in + w * C); \
        for (long w = 0; w < W; w++) {                                                          \
            for (long v = 0; v < K - 1; v++) window[v] = window[v + 1];                         \
            window[K - 1] = w + K / 2 < W ? load_##TYPE(in + (w + K / 2) * C) : (lanes){0};      \
            lanes came = load_##TYPE(out + w * C);                                              \
            for (long v = 0; v < K; v++) sums[v] += window[v] * came;                           \
        }                                                                                       \
        for (long v = 0; v < K; v++) *(lanes *)(weight + (u * K + v) * C + c) += sums[v];        \
    }

#define WEIGHT_GRADIENT(TYPE)                                                                   \
    void weight_gradient_##TYPE(const TYPE *x, const TYPE *gradient, float *weight,             \
                                long N, long H, long W, long C, long k, long stride)            \
    {                                                                                           \
        const long R = H * stride;                                                              \
        for (long n = 0; n < N; n++)                                                            \
            for (long h = 0; h < H; h++)                                                        \
                for (long u = 0; u < k; u++) {                                                  \
                    const long r = h * stride + u - k / 2;                                      \
                    if (r < 0 || r >= R) continue;                                              \
                    if (k == 5) ROW(5, TYPE) else ROW(3, TYPE)                                  \
                }                                                                               \
    }

typedef unsigned short bfloat16;
WEIGHT_GRADIENT(float)
WEIGHT_GRADIENT(bfloat16)
