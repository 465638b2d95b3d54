/* A disk that fails when it is told to: loaded before libc (LD_PRELOAD), it stands between a process and the files below
 * one directory. Linux only.
 *
 * FAULTY_BELOW    the directory
 * FAULTY_CONTROL  a file of seven 64-bit numbers, shared with the test:
 *                 countdown  0 is off; otherwise the fault comes with the call that takes it to 0
 *                 kind       see below
 *                 seen       calls so far that a fault could have hit
 *                 fired      how often the fault came
 *                 full       not 0: the disk has no room; set by FULL, cleared by the test
 *                 free       not 0: how many free bytes the disk says it has
 *                 ahead      by how many seconds the computer's clock is ahead
 * FAULTY_JOURNAL  a directory for what a loss of power needs: `log` holds one line for each change that is not yet durable by
 *                 the letter of POSIX and for each sync, `pre` the bytes that were overwritten, and the numbered files are those
 *                 that a rename replaced.
 *
 * Lines of `log`, fields parted by tabs:
 *   W  sequence  inode  offset  bytes of the file before  length and place in `pre`   a write or a change of length
 *   C  sequence  inode of the folder  path                                             a new file
 *   R  sequence  inode of the folder  old path  new path  name of the replaced file or -
 *   S  sequence  inode                                                                 a sync: everything before it is durable
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { FAIL = 1, FULL = 2, SHORT = 3, TORN = 4, CUT = 5, FAIL_SYNC = 6 };
enum call { WRITE, SYNC, OTHER };

struct control {
    int64_t countdown, kind, seen, fired, full, free, ahead;
};

static struct control *control;
static char below[PATH_MAX], journal[PATH_MAX];
static size_t below_len;
static int log_fd = -1, pre_fd = -1;
static off_t pre_end;
static long sequence;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
    const char *dir = getenv("FAULTY_BELOW"), *shared = getenv("FAULTY_CONTROL"), *kept = getenv("FAULTY_JOURNAL");
    if (!dir || !shared || !kept || !realpath(dir, below)) return;
    below_len = strlen(below);
    snprintf(journal, sizeof journal, "%s", kept);
    char name[PATH_MAX + 8];
    snprintf(name, sizeof name, "%s/log", journal);
    log_fd = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(name, sizeof name, "%s/pre", journal);
    pre_fd = syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int fd = syscall(SYS_openat, AT_FDCWD, shared, O_RDWR | O_CLOEXEC, 0);
    if (log_fd < 0 || pre_fd < 0 || fd < 0) abort();
    pre_end = lseek(pre_fd, 0, SEEK_END);
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED) abort();
    syscall(SYS_close, fd);
}

static int is_below(const char *path) {
    return control && !strncmp(path, below, below_len) && path[below_len] == '/';
}

/* Whether fd is a file or a folder of ours. */
static int ours(int fd) {
    if (!control) return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0 || path[0] != '/') return 0;
    path[n] = 0;
    return is_below(path) || !strcmp(path, below);
}

static void full_path(const char *path, char *out) {
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
        return;
    }
    char here[PATH_MAX / 2] = "";
    if (!getcwd(here, sizeof here)) here[0] = 0;
    snprintf(out, PATH_MAX, "%s/%s", here, path);
}

static void note(const char *format, ...) {
    char line[3 * PATH_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || n >= (int)sizeof line || syscall(SYS_write, log_fd, line, (size_t)n) != n) abort();
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* The fault that comes with this call, or 0. */
static int fault(enum call call) {
    int64_t kind = __atomic_load_n(&control->kind, __ATOMIC_SEQ_CST);
    if ((kind == SHORT && call != WRITE) || (kind == FULL && call == SYNC) || (kind == FAIL_SYNC && call != SYNC)) return 0;
    __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
    if (kind == FULL && __atomic_load_n(&control->full, __ATOMIC_SEQ_CST)) return FULL;
    if (__atomic_load_n(&control->countdown, __ATOMIC_SEQ_CST) <= 0) return 0;
    if (__atomic_sub_fetch(&control->countdown, 1, __ATOMIC_SEQ_CST) != 0) return 0;
    __atomic_add_fetch(&control->fired, 1, __ATOMIC_SEQ_CST);
    if (kind == FULL) __atomic_store_n(&control->full, 1, __ATOMIC_SEQ_CST);
    return (int)kind;
}

/* Keeps what length bytes at offset hold now. The caller has the lock. */
static void keep(int fd, off_t offset, size_t length) {
    struct stat file;
    if (syscall(SYS_fstat, fd, &file)) abort();
    size_t left = offset >= file.st_size ? 0 : (size_t)(file.st_size - offset);
    if (length > left) length = left;
    off_t place = pre_end;
    char bytes[65536];
    for (size_t done = 0; done < length;) {
        size_t step = length - done < sizeof bytes ? length - done : sizeof bytes;
        char name[64];
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        int reading = syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC, 0);
        ssize_t n = syscall(SYS_pread64, reading, bytes, step, offset + (off_t)done);
        syscall(SYS_close, reading);
        if (n <= 0 || syscall(SYS_pwrite64, pre_fd, bytes, (size_t)n, pre_end) != n) abort();
        pre_end += n;
        done += (size_t)n;
    }
    note("W\t%ld\t%lu\t%ld\t%ld\t%zu\t%ld\n", sequence++, (unsigned long)file.st_ino, (long)offset, (long)file.st_size, length,
         (long)place);
}

static ssize_t write_all(int fd, const void *bytes, size_t length, off_t offset, int at_cursor) {
    pthread_mutex_lock(&lock);
    int came = fault(WRITE);
    ssize_t result = -1;
    if (came == FAIL || came == FULL) {
        errno = came == FAIL ? EIO : ENOSPC;
        pthread_mutex_unlock(&lock);
        return -1;
    }
    if (came == CUT) die();
    if ((came == SHORT || came == TORN) && length > 1) length /= 2;
    off_t at = offset;
    if (at_cursor) {
        struct stat file;
        int flags = syscall(SYS_fcntl, fd, F_GETFL);
        at = flags & O_APPEND && !syscall(SYS_fstat, fd, &file) ? file.st_size : lseek(fd, 0, SEEK_CUR);
    }
    keep(fd, at, length);
    result = at_cursor ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, offset);
    if (came == TORN) die();
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    return ours(fd) ? write_all(fd, bytes, length, 0, 1) : syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    return ours(fd) ? write_all(fd, bytes, length, offset, 0) : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

/* A short write of the first part is a lawful answer. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!ours(fd)) return syscall(SYS_writev, fd, parts, count);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len) return write_all(fd, parts[i].iov_base, parts[i].iov_len, 0, 1);
    return 0;
}

static int sync_with(long number, int fd) {
    if (!ours(fd)) return syscall(number, fd);
    pthread_mutex_lock(&lock);
    int came = fault(SYNC);
    if (came == CUT || came == TORN) die();
    long upto = sequence;
    pthread_mutex_unlock(&lock);
    if (came == FAIL || came == FAIL_SYNC) {
        errno = EIO;
        return -1;
    }
    if (syscall(number, fd)) return -1;
    struct stat file;
    if (syscall(SYS_fstat, fd, &file)) abort();
    pthread_mutex_lock(&lock);
    note("S\t%ld\t%lu\n", upto, (unsigned long)file.st_ino);
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd) { return sync_with(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_with(SYS_fdatasync, fd); }

int ftruncate64(int fd, off64_t length) {
    if (!ours(fd)) return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    int came = fault(OTHER), result = -1;
    if (came == CUT || came == TORN) die();
    if (came == FAIL || came == FULL) {
        errno = came == FAIL ? EIO : ENOSPC;
    } else {
        struct stat file;
        if (syscall(SYS_fstat, fd, &file)) abort();
        keep(fd, length < file.st_size ? length : file.st_size, length < file.st_size ? (size_t)(file.st_size - length) : 0);
        result = syscall(SYS_ftruncate, fd, length);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    if (ours(fd)) {
        pthread_mutex_lock(&lock);
        int came = fault(OTHER);
        if (came == CUT || came == TORN) die();
        if (!came || came == SHORT) keep(fd, offset, (size_t)length);
        pthread_mutex_unlock(&lock);
        if (came == FAIL || came == FULL) {
            errno = came == FAIL ? EIO : ENOSPC;
            return -1;
        }
    }
    return syscall(SYS_fallocate, fd, mode, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return fallocate64(fd, 0, offset, length) ? errno : 0; }
int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }

int statvfs(const char *path, struct statvfs *found) {
    struct statfs real;
    if (syscall(SYS_statfs, path, &real)) return -1;
    memset(found, 0, sizeof *found);
    found->f_bsize = real.f_bsize;
    found->f_frsize = real.f_frsize ? real.f_frsize : real.f_bsize;
    found->f_blocks = real.f_blocks;
    found->f_bfree = real.f_bfree;
    found->f_bavail = real.f_bavail;
    int64_t room = control ? __atomic_load_n(&control->free, __ATOMIC_SEQ_CST) : 0;
    if (room) found->f_bavail = (fsblkcnt_t)room / found->f_frsize;
    return 0;
}

int statvfs64(const char *path, struct statvfs64 *found) { return statvfs(path, (struct statvfs *)found); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (!result && clock == CLOCK_REALTIME && control) now->tv_sec += __atomic_load_n(&control->ahead, __ATOMIC_SEQ_CST);
    return result;
}

static unsigned long folder_of(const char *path) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
    struct stat found;
    return stat(folder, &found) ? 0 : (unsigned long)found.st_ino;
}

int rename(const char *old, const char *new) {
    char from[PATH_MAX], to[PATH_MAX];
    full_path(old, from);
    full_path(new, to);
    if (!is_below(from) && !is_below(to)) return syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
    pthread_mutex_lock(&lock);
    int came = fault(OTHER), result = -1;
    if (came == CUT || came == TORN) die();
    if (came == FAIL || came == FULL) {
        errno = came == FAIL ? EIO : ENOSPC;
    } else {
        char replaced[32] = "-", kept[PATH_MAX + 40];
        snprintf(kept, sizeof kept, "%s/%ld-%ld", journal, (long)getpid(), sequence);
        struct stat there;
        if (!stat(to, &there) && S_ISREG(there.st_mode)) {
            if (linkat(AT_FDCWD, to, AT_FDCWD, kept, 0)) abort();
            snprintf(replaced, sizeof replaced, "%ld-%ld", (long)getpid(), sequence);
        }
        note("R\t%ld\t%lu\t%s\t%s\t%s\n", sequence++, folder_of(to), from, to, replaced);
        result = syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

static int open_file(const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    full_path(path, full);
    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE || !is_below(full))
        return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat there;
    int is_new = stat(full, &there) != 0, came = is_new ? fault(OTHER) : 0, fd = -1;
    if (came == CUT || came == TORN) die();
    if (came == FAIL || came == FULL) {
        errno = came == FAIL ? EIO : ENOSPC;
    } else {
        int truncates = !is_new && flags & O_TRUNC;
        if (truncates) {
            int reading = syscall(SYS_openat, AT_FDCWD, full, O_RDWR | O_CLOEXEC, 0);
            if (reading >= 0) {
                keep(reading, 0, (size_t)there.st_size);
                syscall(SYS_close, reading);
            }
        }
        if (is_new) note("C\t%ld\t%lu\t%s\n", sequence++, folder_of(full), full);
        fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

int open64(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_file(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_file(path, flags, mode);
}
