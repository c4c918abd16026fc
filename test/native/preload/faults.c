/* Fault injection, and the log of calls. Only calls on played objects count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

static const char *const NAMES[CALL_COUNT] = {"open", "close", "ioctl", "mmap", "munmap", "mremap", "pread",
                                              "pwrite", "read", "write", "eventfd", "epoll"};

enum { MAX_RULES = 32, LOG_SIZE = 1 << 18 };

struct rule {
  bool armed, any;
  enum call call;
  unsigned request, flags;
  char path[MAX_NAME];
  long skip, times;
  long errno_value;
  long limit;
};

static struct rule rules[MAX_RULES];
static atomic_bool watching;
static bool logging;
static char log_text[LOG_SIZE];
static size_t log_size;

static bool any_rule(void) {
  for (int i = 0; i < MAX_RULES; i++)
    if (rules[i].armed) return true;
  return false;
}

static void update(void) { watching = logging || any_rule(); }

bool fault_watching(void) { return atomic_load_explicit(&watching, memory_order_relaxed); }

static bool matches(const struct rule *rule, enum call call, unsigned request, const char *path,
                    const uint32_t *argument) {
  if (rule->any) return call != CALL_READ && call != CALL_WRITE;
  if (rule->call != call) return false;
  if (rule->request != 0 && rule->request != request) return false;
  if (rule->flags != 0 && (argument == NULL || argument[1] != rule->flags)) return false;
  return rule->path[0] == '\0' || (path != NULL && strcmp(rule->path, path) == 0);
}

static long strike(enum call call, unsigned request, const char *path, size_t *length,
                   const void *argument) {
  long result = 0;
  if (!fault_watching()) return 0;
  for (int i = 0; i < MAX_RULES; i++) {
    struct rule *rule = &rules[i];
    if (!rule->armed || !matches(rule, call, request, path, argument)) continue;
    if (rule->skip > 0) {
      rule->skip--;
      continue;
    }
    if (rule->limit < 0 || length == NULL) result = -rule->errno_value;
    else if (*length > (size_t)rule->limit) *length = (size_t)rule->limit;
    if (rule->times > 0 && --rule->times == 0) rule->armed = false;
  }
  update();
  if (result < 0) fault_log(call, request, path, result);
  return result;
}

long fault_strike_ioctl(unsigned request, const void *argument) {
  return strike(CALL_IOCTL, request, NULL, NULL, argument);
}

long fault_strike(enum call call, const char *path, size_t *length) {
  return strike(call, 0, path, length, NULL);
}

void fault_log(enum call call, unsigned request, const char *path, long result) {
  if (!logging || log_size > LOG_SIZE - 256) return;
  char *at = log_text + log_size;
  size_t left = LOG_SIZE - log_size;
  if (call == CALL_IOCTL)
    log_size += (size_t)snprintf(at, left, "%s %#x %ld\n", NAMES[call], request, result);
  else if (path != NULL)
    log_size += (size_t)snprintf(at, left, "%s %.200s %ld\n", NAMES[call], path, result < 0 ? result : 0);
  else log_size += (size_t)snprintf(at, left, "%s %ld\n", NAMES[call], result < 0 ? result : 0);
}

bool fault_add(const char *what, long nth, long errno_value, long limit, long times) {
  char kind[MAX_NAME];
  const char *colon = strchr(what, ':');
  size_t length = colon == NULL ? strlen(what) : (size_t)(colon - what);
  if (length >= sizeof kind || nth < 1) return false;
  memcpy(kind, what, length);
  kind[length] = '\0';
  struct rule rule = {.armed = true, .skip = nth - 1, .times = times,
                      .errno_value = errno_value, .limit = limit};
  rule.any = strcmp(kind, "any") == 0;
  rule.call = CALL_COUNT;
  for (int call = 0; call < CALL_COUNT; call++)
    if (strcmp(kind, NAMES[call]) == 0) rule.call = (enum call)call;
  if (!rule.any && rule.call == CALL_COUNT) return false;
  if (colon != NULL && colon[1] == '/') snprintf(rule.path, sizeof rule.path, "%s", colon + 1);
  else if (colon != NULL) {
    char *end;
    rule.request = (unsigned)strtoul(colon + 1, &end, 0);
    if (*end == ':') rule.flags = (unsigned)strtoul(end + 1, NULL, 0);
  }
  for (int i = 0; i < MAX_RULES; i++) {
    if (rules[i].armed) continue;
    rules[i] = rule;
    update();
    return true;
  }
  return false;
}

void fault_clear(void) {
  memset(rules, 0, sizeof rules);
  update();
}

void log_switch(bool on) {
  logging = on;
  log_size = 0;
  update();
}

const char *log_take(size_t *size) {
  *size = log_size;
  log_size = 0;
  return log_text;
}
