/* A test that counts its failures instead of stopping at the first. */
#ifndef ABI_CHECK_H
#define ABI_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

extern int failures, checks;

/** `call` succeeds. */
#define WORKS(call)                                                                        \
  do {                                                                                     \
    checks++;                                                                              \
    errno = 0;                                                                             \
    if ((long)(call) < 0)                                                                  \
      failures++, printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, strerror(errno));   \
  } while (0)

/** `call` fails with the errno. */
#define FAILS(expected, call)                                                              \
  do {                                                                                     \
    checks++;                                                                              \
    errno = 0;                                                                             \
    if ((long)(call) >= 0 || errno != (expected))                                          \
      failures++, printf("%s:%d: %s: %s, not %s\n", __FILE__, __LINE__, #call,             \
                         strerror(errno), #expected);                                      \
  } while (0)

/** The two numbers are the same. */
#define IS(expected, value)                                                                \
  do {                                                                                     \
    long long e_ = (long long)(expected), v_ = (long long)(value);                         \
    checks++;                                                                              \
    if (e_ != v_)                                                                          \
      failures++, printf("%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #value, v_, e_); \
  } while (0)

/** Runs one command of the played kernel, and gives the answer. */
const char *command(const char *text);

void check_files(void);
void check_devices(void);
void check_irqs(void);
void check_memory(void);
void check_iommufd(void);

#endif
