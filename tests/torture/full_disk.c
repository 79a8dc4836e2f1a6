/* Fills the disk, or kills the process, at the n-th operation on files below a folder.
 *
 * A process that preloads this calls full_disk_set(folder, n, kills), n counted from 1. With kills == 0
 * the n-th operation that takes space fails with ENOSPC, as do all later ones; a write that is the n-th
 * writes its first half, as on a disk that is full after it. With kills == 1 the process is killed
 * before its n-th operation of any kind. full_disk_count() returns the number of operations so far.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char below[PATH_MAX];
static long at, count;
static int kills;

void full_disk_set(const char *folder, long number, int is_kill) {
    snprintf(below, sizeof below, "%s", folder);
    at = number;
    kills = is_kill;
    count = 0;
}

long full_disk_count(void) { return count; }

static int is_below(const char *path) {
    return below[0] && path && !strncmp(path, below, strlen(below));
}

static int is_file_below(int file) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_below(path);
}

/* Returns 0 to go on, 1 for the first operation that fails, 2 for the later ones. */
static int reach(int takes_space) {
    if (!kills && !takes_space)
        return 0;
    long number = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    if (number < at)
        return 0;
    if (kills)
        raise(SIGKILL);
    errno = ENOSPC;
    return number == at ? 1 : 2;
}

#define REAL(name, ...)                                                                               \
    static __typeof__(name) *real;                                                                    \
    if (!real)                                                                                        \
        real = dlsym(RTLD_NEXT, #name)

#define WRITES(name, parameters, ...)                                                                 \
    ssize_t name parameters {                                                                         \
        REAL(name);                                                                                   \
        int failing = is_file_below(file) ? reach(1) : 0;                                             \
        if (failing == 2 || (failing && size < 2))                                                    \
            return -1;                                                                                \
        if (failing)                                                                                  \
            size /= 2;                                                                                \
        return real(__VA_ARGS__);                                                                     \
    }

WRITES(write, (int file, const void *bytes, size_t size), file, bytes, size)
WRITES(pwrite, (int file, const void *bytes, size_t size, off_t where), file, bytes, size, where)
WRITES(pwrite64, (int file, const void *bytes, size_t size, off64_t where), file, bytes, size, where)

#define CHANGES(name, takes_space, is_concerned, parameters, ...)                                     \
    int name parameters {                                                                             \
        REAL(name);                                                                                   \
        if ((is_concerned) && reach(takes_space))                                                     \
            return -1;                                                                                \
        return real(__VA_ARGS__);                                                                     \
    }

static int grows(int file, off64_t size) {
    struct stat status;
    return !fstat(file, &status) && size > status.st_size;
}

CHANGES(ftruncate, grows(file, size), is_file_below(file), (int file, off_t size), file, size)
CHANGES(ftruncate64, grows(file, size), is_file_below(file), (int file, off64_t size), file, size)
CHANGES(fsync, 1, is_file_below(file), (int file), file)
CHANGES(fdatasync, 1, is_file_below(file), (int file), file)
CHANGES(unlink, 0, is_below(path), (const char *path), path)
CHANGES(rename, 1, is_below(from), (const char *from, const char *to), from, to)

#define OPENS(name)                                                                                   \
    int name(const char *path, int flags, ...) {                                                      \
        REAL(name);                                                                                   \
        va_list rest;                                                                                 \
        va_start(rest, flags);                                                                        \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;                                     \
        va_end(rest);                                                                                 \
        if ((flags & O_CREAT) && is_below(path) && access(path, F_OK) && reach(1))                    \
            return -1;                                                                                \
        return real(path, flags, mode);                                                               \
    }

OPENS(open)
OPENS(open64)
