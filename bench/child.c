/* The service of every measurement: notes when its first instruction ran, then waits for TERM and ends with 0.
 *
 *   child                     (also as a link of any other name, such as `run`) as above
 *   BENCH_ORPHANS=N child     makes N orphans as fast as it can, counts the zombies, then waits
 *   stamp PROGRAM ARG...      notes the time and becomes PROGRAM
 *
 * Each note is one line "WORD PID CLOCK_MONOTONIC_NS NUMBER" in the file that BENCH_LOG names, by one write with O_APPEND.
 * It is linked statically, so that the dynamic loader is not part of anybody's time.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS 1000000000LL /* how long zombies are watched after the last orphan */

static const char *log_path;

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void note(const char *word, long long at_ns, long number)
{
    char line[128];
    int size = snprintf(line, sizeof line, "%s %d %lld %ld\n", word, (int)getpid(), at_ns, number);
    int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, line, size) != size)
        _exit(111);
    close(fd);
}

static void on_term(int number)
{
    note("term", now_ns(), number);
    _exit(0);
}

static void wait_for_term(void)
{
    for (;;)
        pause();
}

static void catch_term(void)
{
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL); /* pm2 asks by INT */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int is_zombie(const char *pid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return 0;
    text[size] = 0;
    char *after = strrchr(text, ')');
    return after && after[1] && after[2] == 'Z';
}

static long zombies(void)
{
    long count = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        _exit(112);
    for (struct dirent *entry; (entry = readdir(proc));)
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            count += is_zombie(entry->d_name);
    closedir(proc);
    return count;
}

static void sleep_until(long long at_ns)
{
    struct timespec t = {at_ns / 1000000000LL, at_ns % 1000000000LL};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

/* The orphan is born of a process that ends at once, so that it falls to PID 1 at about the time it dies itself. */
static void make_orphan(void)
{
    pid_t middle = fork();
    while (middle < 0) { /* no more processes: wait for PID 1 to reap some */
        sleep_until(now_ns() + 1000000);
        middle = fork();
    }
    if (middle == 0) {
        fork();
        _exit(0);
    }
    while (waitpid(middle, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void orphans(long count)
{
    note("first", now_ns(), 0);
    for (long made = 0; made < count; made++)
        make_orphan();
    long long last = now_ns();
    note("last", last, count);
    sleep_until(last + 200000000LL);
    note("left", now_ns(), zombies()); /* 0.2 s after the last */
    long left = zombies();
    while (left && now_ns() < last + PATIENCE_NS) {
        sleep_until(now_ns() + 20000000LL);
        left = zombies();
    }
    note("counted", now_ns(), left);
}

static int stamp(char **argv)
{
    note("exec", now_ns(), 0);
    execv(argv[1], argv + 1);
    note("failed", now_ns(), errno);
    return 127;
}

int main(int argc, char **argv)
{
    long long at = now_ns();
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    log_path = getenv("BENCH_LOG");
    if (!log_path)
        return 64;
    if (argc > 1 && slash && !strcmp(slash, "/stamp"))
        return stamp(argv);
    catch_term();
    note("start", at, 0);
    if (getenv("BENCH_ORPHANS"))
        orphans(strtol(getenv("BENCH_ORPHANS"), NULL, 10));
    wait_for_term();
}
