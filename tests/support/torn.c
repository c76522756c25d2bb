// Preloaded into a process, it ends it by SIGKILL in the middle of a write: half of the bytes are in the file, the rest
// never comes. For SQLite, which writes by pwrite only. torn_after(n): the n-th write from now on is the last.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

static long left = 0;

void torn_after(long n) { left = n; }

static ssize_t torn(const char *name, int fd, const void *data, size_t size, off_t at) {
    ssize_t (*write_at)(int, const void *, size_t, off_t) = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, name);
    if (left > 0 && --left == 0) {
        write_at(fd, data, size / 2, at);
        kill(getpid(), SIGKILL);
    }
    return write_at(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return torn("pwrite", fd, data, size, at); }

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { return torn("pwrite64", fd, data, size, at); }
