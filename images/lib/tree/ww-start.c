/* The interpreter in the first line of /ww/run, /ww/cfg and /ww/bin/ww: `#!/ww/lib/py/bin/ww-start run`.

   Linked statically, so that it runs in any image and nothing is loaded into it. It does what `env` cannot do in an image
   that has none, or an old one:
   - LD_PRELOAD of the image names a library for the image's own libc, which would end our loader: it is kept in
     WW_LD_PRELOAD, from where services and hooks get it back.
   - For PID 1 the stop signals are blocked until Python handles them: the kernel drops those that PID 1 has no handler for.
   Then it becomes Python: `run` and `cfg` without site packages, `ww` with them. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CANNOT_START 127

static void block_stop_signals(void) {
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGHUP);
    sigaddset(&stop, SIGQUIT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
}

int main(int count, char **words) {
    if (count < 3) {
        fputs("ww-start: is the interpreter of /ww/run, /ww/cfg and /ww/bin/ww, and no command\n", stderr);
        return 64;
    }
    int first = strcmp(words[1], "run") == 0;
    if (first)
        block_stop_signals();
    const char *preload = getenv("LD_PRELOAD");
    /* A child of PID 1 that is ww again must not lose what its parent keeps. */
    if (first || preload)
        setenv("WW_LD_PRELOAD", preload ? preload : "", 1);
    unsetenv("LD_PRELOAD");
    words[0] = PYTHON;
    words[1] = strcmp(words[1], "ww") == 0 ? "-I" : "-IS";
    execv(PYTHON, words);
    perror("ww-start: " PYTHON);
    return CANNOT_START;
}
