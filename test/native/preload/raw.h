/* System calls past every wrapper, this library's own included. */
#ifndef VFIO_PLAY_RAW_H
#define VFIO_PLAY_RAW_H

#include <sys/syscall.h>

/** The kernel's result: 0 or more, or -errno. */
static inline long raw6(long n, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = n;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
#else
#error "x86-64 and aarch64 only"
#endif
}

#define RAW(n, a, b, c, d, e, f) \
  raw6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define RAW0(n) RAW(n, 0, 0, 0, 0, 0, 0)
#define RAW1(n, a) RAW(n, a, 0, 0, 0, 0, 0)
#define RAW2(n, a, b) RAW(n, a, b, 0, 0, 0, 0)
#define RAW3(n, a, b, c) RAW(n, a, b, c, 0, 0, 0)
#define RAW4(n, a, b, c, d) RAW(n, a, b, c, d, 0, 0)

#endif
