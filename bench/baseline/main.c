/*
 * bench-c run <baseline|best> <lines> <edge|level> <iterations> <repetitions> [idle threads]
 *   ns per operation of each repetition; one operation is a signal and the
 *   trapped access that completes it, lines in turn. With idle threads the
 *   process counts as multi-threaded and the C library locks with atomics.
 * bench-c ask <baseline|best> <lines> <edge|level> <iterations> [idle threads]
 *   the same, one repetition for each line of standard input: a number and the
 *   end of a line.
 * bench-c check <baseline|best> <lines> <edge|level> <steps> <seed>
 *   random signals and accesses; both variants must print the same hash.
 * bench-c load <iterations> <repetitions>
 *   ns per volatile 32-bit load from mmapped memory.
 *
 * The others print one line of JSON.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "callbacks.h"

#define INLINE static inline __attribute__((always_inline))

enum { TIMEOUT_MS = 1100, REGION_BYTES = 4096 };

typedef void signal_function(struct machine *machine, uintptr_t line);
typedef bool access_function(struct machine *machine, struct access *access);

struct arguments {
  const char *variant;
  const char *kind;
  uint32_t lines;
  uint64_t iterations;
  uint32_t repetitions;
};

static void fail(const char *message) {
  fprintf(stderr, "bench-c: %s\n", message);
  exit(2);
}

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t number(const char *text, uint64_t least, uint64_t most) {
  char *end;
  uint64_t value = strtoull(text, &end, 10);
  if (end == text || *end || value < least || value > most) fail("bad number");
  return value;
}

static void print_work(const struct work *work) {
  printf("\"work\":{\"ups\":%" PRIu64 ",\"downs\":%" PRIu64 ",\"unmasks\":%" PRIu64
         ",\"accesses\":%" PRIu64 ",\"mappings\":%" PRIu64 ",\"timers\":%" PRIu64
         ",\"sum\":\"%" PRIx64 "\",\"hash\":\"%" PRIx64 "\"}}\n",
         work->ups, work->downs, work->unmasks, work->accesses, work->mappings, work->timers,
         work->sum, work->hash);
}

static void print_times(const double *times, uint32_t count) {
  printf("\"ns\":[");
  for (uint32_t i = 0; i < count; i++) printf("%s%.3f", i ? "," : "", times[i]);
  printf("]");
}

static struct config configure(const struct arguments *arguments, struct work *work,
                               const struct callbacks *callbacks) {
  static const struct region regions[] = {{REGION_BYTES, REGION_READ | REGION_WRITE}};
  bool level = !strcmp(arguments->kind, "level");
  if (!level && strcmp(arguments->kind, "edge")) fail("edge or level?");
  return (struct config){
      .callbacks = callbacks,
      .context = work,
      .regions = regions,
      .region_count = 1,
      .line_count = arguments->lines,
      .line_flags = level ? LINE_AUTOMASKED : 0,
      .timeout = TIMEOUT_MS,
  };
}

/*
 * Inlined once per variant, so that the machine is called directly, as it
 * would be by code that was written for it.
 */
INLINE void rounds(struct machine *machine, const uintptr_t *handles, uint32_t lines,
                   uint64_t iterations, signal_function *signal, access_function *trap) {
  uint32_t turn = 0;
  for (uint64_t i = 0; i < iterations; i++) {
    struct access access = {.offset = i * 4 % REGION_BYTES, .region = 0, .width = 4};
    signal(machine, handles[turn]);
    trap(machine, &access);
    if (++turn == lines) turn = 0;
  }
}

INLINE void steps(struct machine *machine, const uintptr_t *handles, uint32_t lines,
                  uint64_t count, uint64_t seed, signal_function *signal, access_function *trap) {
  uint64_t random = seed * 2 + 1;
  for (uint64_t i = 0; i < count; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    uint32_t choice = (uint32_t)(random >> 32);
    if (choice & 1) {
      signal(machine, handles[(choice >> 1) % lines]);
    } else {
      /* Past the end of the region, too: such an access must reach nothing. */
      struct access access = {.offset = (choice >> 4) % 1100 * 4,
                              .value = choice,
                              .region = (choice >> 1 & 7) == 7,
                              .width = 4,
                              .write = choice >> 3 & 1};
      trap(machine, &access);
    }
  }
}

/* Both loops for one variant, with its functions known to the compiler. */
#define LOOPS(name)                                                                            \
  static void name##_rounds(struct machine *machine, const uintptr_t *handles, uint32_t lines, \
                            uint64_t iterations) {                                             \
    rounds(machine, handles, lines, iterations, name##_signal, name##_access);                 \
  }                                                                                            \
  static void name##_steps(struct machine *machine, const uintptr_t *handles, uint32_t lines,  \
                           uint64_t count, uint64_t seed) {                                    \
    steps(machine, handles, lines, count, seed, name##_signal, name##_access);                 \
  }

LOOPS(baseline)
LOOPS(best)

static const struct variant {
  const char *name;
  struct machine *(*create)(const struct config *config);
  void (*destroy)(struct machine *machine);
  uintptr_t (*line)(struct machine *machine, uint32_t index);
  void (*rounds)(struct machine *machine, const uintptr_t *handles, uint32_t lines,
                 uint64_t iterations);
  void (*steps)(struct machine *machine, const uintptr_t *handles, uint32_t lines, uint64_t count,
                uint64_t seed);
} variants[] = {
    {"baseline", baseline_create, baseline_destroy, baseline_line, baseline_rounds,
     baseline_steps},
    {"best", best_create, best_destroy, best_line, best_rounds, best_steps},
};

static const struct variant *find_variant(const char *name) {
  for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
    if (!strcmp(variants[i].name, name)) return &variants[i];
  }
  fail("baseline or best?");
  return NULL;
}

static struct machine *create(const struct variant *variant, const struct config *config,
                              uintptr_t *handles) {
  struct machine *machine = variant->create(config);
  if (!machine) fail("out of memory");
  for (uint32_t i = 0; i < config->line_count; i++) handles[i] = variant->line(machine, i);
  return machine;
}

static void *idle(void *unused) {
  for (;;) pause();
  return unused;
}

/* What is measured, started and warm. */
static struct machine *begin(const struct arguments *arguments, const struct variant *variant,
                             struct work *work, uintptr_t *handles, uint32_t threads) {
  struct config config = configure(arguments, work, &counting);
  struct machine *machine = create(variant, &config, handles);
  for (uint32_t i = 0; i < threads; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, idle, NULL)) fail("no thread");
  }
  for (uint32_t i = 0; i < 1024; i++) work->memory[i] = i * 2654435761u;
  variant->rounds(machine, handles, arguments->lines, arguments->iterations / 4 + 1);
  return machine;
}

/* ns per operation of one repetition. */
static double repetition(const struct arguments *arguments, const struct variant *variant,
                         struct machine *machine, const uintptr_t *handles) {
  uint64_t start = now_ns();
  variant->rounds(machine, handles, arguments->lines, arguments->iterations);
  return (double)(now_ns() - start) / (double)arguments->iterations;
}

static void ask(const struct arguments *arguments, uint32_t threads) {
  static struct work work;
  static uintptr_t handles[MAX_LINES];
  const struct variant *variant = find_variant(arguments->variant);
  struct machine *machine = begin(arguments, variant, &work, handles, threads);
  for (int character; (character = getchar()) != EOF;) {
    if (character != '\n') continue;
    printf("%.3f\n", repetition(arguments, variant, machine, handles));
    fflush(stdout);
  }
  variant->destroy(machine);
}

static void run(const struct arguments *arguments, uint32_t threads) {
  static struct work work;
  static uintptr_t handles[MAX_LINES];
  static double times[1000];
  const struct variant *variant = find_variant(arguments->variant);
  struct machine *machine = begin(arguments, variant, &work, handles, threads);
  for (uint32_t i = 0; i < arguments->repetitions; i++) {
    times[i] = repetition(arguments, variant, machine, handles);
  }
  variant->destroy(machine);

  printf("{\"variant\":\"%s\",\"lines\":%u,\"kind\":\"%s\",\"iterations\":%" PRIu64
         ",\"threads\":%u,",
         variant->name, arguments->lines, arguments->kind, arguments->iterations, threads + 1);
  print_times(times, arguments->repetitions);
  printf(",");
  print_work(&work);
}

static void check(const struct arguments *arguments, uint64_t seed) {
  static struct work work;
  static uintptr_t handles[MAX_LINES];
  const struct variant *variant = find_variant(arguments->variant);
  struct config config = configure(arguments, &work, &counting_and_hashing);
  struct machine *machine = create(variant, &config, handles);
  variant->steps(machine, handles, arguments->lines, arguments->iterations, seed);
  variant->destroy(machine);
  printf("{\"variant\":\"%s\",\"lines\":%u,\"kind\":\"%s\",\"steps\":%" PRIu64 ",", variant->name,
         arguments->lines, arguments->kind, arguments->iterations);
  print_work(&work);
}

static void load(uint64_t iterations, uint32_t repetitions) {
  static double times[1000];
  int fd = memfd_create("bench", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, REGION_BYTES)) fail("no memory file");
  volatile uint32_t *memory = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) fail("no mapping");
  for (uint32_t i = 0; i < REGION_BYTES / 4; i++) memory[i] = i * 2654435761u;

  uint32_t sum = 0;
  for (uint32_t i = 0; i <= repetitions; i++) {
    uint64_t start = now_ns();
    for (uint64_t j = 0; j < iterations; j++) sum += memory[j % (REGION_BYTES / 4)];
    /* The first one is the warm-up. */
    if (i) times[i - 1] = (double)(now_ns() - start) / (double)iterations;
  }
  printf("{\"variant\":\"load\",\"iterations\":%" PRIu64 ",\"sum\":\"%x\",", iterations, sum);
  print_times(times, repetitions);
  printf("}\n");
}

int main(int count, char **text) {
  const char *mode = count > 1 ? text[1] : "";
  if (!strcmp(mode, "load") && count == 4) {
    load(number(text[2], 1, UINT64_MAX), (uint32_t)number(text[3], 1, 1000));
    return 0;
  }
  bool is_run = !strcmp(mode, "run") && (count == 7 || count == 8);
  bool is_ask = !strcmp(mode, "ask") && (count == 6 || count == 7);
  bool is_check = !strcmp(mode, "check") && count == 7;
  if (!is_run && !is_ask && !is_check) {
    fail("usage: run <baseline|best> <lines> <edge|level> <iterations> <repetitions> [threads]\n"
         "   ask <baseline|best> <lines> <edge|level> <iterations> [threads]\n"
         "   check <baseline|best> <lines> <edge|level> <steps> <seed>\n"
         "   load <iterations> <repetitions>");
  }
  struct arguments arguments = {
      .variant = text[2],
      .lines = (uint32_t)number(text[3], 1, MAX_LINES),
      .kind = text[4],
      .iterations = number(text[5], 1, UINT64_MAX),
  };
  if (is_check) {
    check(&arguments, number(text[6], 0, UINT64_MAX));
    return 0;
  }
  if (is_ask) {
    ask(&arguments, count == 7 ? (uint32_t)number(text[6], 0, 16) : 0);
    return 0;
  }
  arguments.repetitions = (uint32_t)number(text[6], 1, 1000);
  run(&arguments, count == 8 ? (uint32_t)number(text[7], 0, 16) : 0);
  return 0;
}
