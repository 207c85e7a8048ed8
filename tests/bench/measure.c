/* Runs a program and prints, as one line of fields with tabs between, what it
 * took: wall time, processor time (of itself and all its children that it
 * waited for, user and system) in seconds, the memory of the largest of these
 * processes in KiB, and its exit code.
 *
 *   measure OUTPUT PROGRAM [ARGUMENT...]
 *
 * What the program says goes to the file OUTPUT. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int count, char **words)
{
    if (count < 3) {
        fputs("usage: measure OUTPUT PROGRAM [ARGUMENT...]\n", stderr);
        return 64;
    }
    int output = open(words[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int input = open("/dev/null", O_RDONLY);
    if (output < 0 || input < 0) {
        perror(words[1]);
        return 74;
    }

    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        return 71;
    }
    if (child == 0) {
        dup2(input, 0);
        dup2(output, 1);
        dup2(output, 2);
        execvp(words[2], words + 2);
        perror(words[2]);
        _exit(127);
    }
    int status;
    struct rusage use;
    if (wait4(child, &status, 0, &use) < 0) {
        perror("wait4");
        return 71;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);

    double wall = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    printf("%.6f\t%.6f\t%ld\t%d\n", wall, seconds(use.ru_utime) + seconds(use.ru_stime),
           use.ru_maxrss, code);
    return 0;
}
