/* Lets the n-th call of one kind fail, for files below one folder. Preloaded; driven by ctypes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { OPEN, WRITE, FSYNC, RENAME };

static char root[PATH_MAX];
static int wanted_kind = -1, error_number;
static long wanted_call;
static _Atomic long calls;

void arm(const char *folder, int kind, long call, int number) {
    wanted_kind = -1;
    snprintf(root, sizeof root, "%s/", folder);
    wanted_call = call, error_number = number, calls = 0;
    wanted_kind = kind;
}

/* Stop, and say how many calls there were. */
long disarm(void) {
    wanted_kind = -1;
    return calls;
}

static int fails(int kind, const char *path) {
    if (kind != wanted_kind || strncmp(path, root, strlen(root)) || ++calls != wanted_call)
        return 0;
    errno = error_number;
    return 1;
}

static int fails_fd(int kind, int fd) {
    char link[64], path[PATH_MAX];
    if (kind != wanted_kind)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return fails(kind, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPENER(name)                                                                               \
    int name(const char *path, int flags, ...) {                                                   \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        mode_t mode = va_arg(list, mode_t);                                                        \
        va_end(list);                                                                              \
        return fails(OPEN, path) ? -1 : REAL(name)(path, flags, mode);                             \
    }
OPENER(open)
OPENER(open64)

#define OPENER_AT(name)                                                                            \
    int name(int folder, const char *path, int flags, ...) {                                       \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        mode_t mode = va_arg(list, mode_t);                                                        \
        va_end(list);                                                                              \
        return fails(OPEN, path) ? -1 : REAL(name)(folder, path, flags, mode);                     \
    }
OPENER_AT(openat)
OPENER_AT(openat64)

ssize_t write(int fd, const void *bytes, size_t size) {
    return fails_fd(WRITE, fd) ? -1 : REAL(write)(fd, bytes, size);
}

#define WRITER_AT(name, offset_type)                                                               \
    ssize_t name(int fd, const void *bytes, size_t size, offset_type offset) {                     \
        return fails_fd(WRITE, fd) ? -1 : REAL(name)(fd, bytes, size, offset);                     \
    }
WRITER_AT(pwrite, off_t)
WRITER_AT(pwrite64, off64_t)

int fsync(int fd) { return fails_fd(FSYNC, fd) ? -1 : REAL(fsync)(fd); }

int fdatasync(int fd) { return fails_fd(FSYNC, fd) ? -1 : REAL(fdatasync)(fd); }

int rename(const char *from, const char *to) {
    return fails(RENAME, to) ? -1 : REAL(rename)(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return fails(RENAME, to) ? -1 : REAL(renameat)(from_folder, from, to_folder, to);
}
