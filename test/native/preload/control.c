/* The control channel: one command a line, as README.md lists them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

/** What is still to be read of the answer to the last write. */
struct control {
  struct file file;
  char *answer;
  size_t answer_size, answer_read;
};

static const struct command COMMANDS[] = {
    {"device", command_device},   {"remove", command_remove},     {"vanish", command_vanish},
    {"tear", command_tear},
    {"hangup", command_hangup},   {"raise", command_raise},       {"lower", command_lower},
    {"pulse", command_pulse},     {"line", command_line},         {"peek", command_peek},
    {"poke", command_poke},       {"dma-read", command_dma_read}, {"dma-write", command_dma_write},
    {"info", command_info},       {"request-irq", command_request_irq},
    {"counters", command_counters}, {"option", command_option},   {"fail", command_fail},
    {"short", command_short},     {"clear", command_clear},       {"log", command_log},
    {"reset", command_reset},
};

/** Words are separated by one or more blanks. */
static int split(char *line, char **words, int most) {
  int count = 0;
  for (char *word = strtok_r(line, " \t\r", &line); word != NULL && count < most;
       word = strtok_r(NULL, " \t\r", &line))
    words[count++] = word;
  return count;
}

static void run(char *line, FILE *out) {
  static char *words[MAX_WORDS];
  int count = split(line, words, MAX_WORDS);
  if (count == 0) return;
  for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
    if (strcmp(COMMANDS[i].name, words[0]) != 0) continue;
    const char *error = COMMANDS[i].run(words + 1, count - 1, out);
    if (error != NULL) fprintf(out, "error: %s: %s\n", words[0], error);
    return;
  }
  fprintf(out, "error: no command '%s'\n", words[0]);
}

/** Runs commands, one a line; answers "ok" where there is nothing to say. */
static void run_all(char *text, struct control *control) {
  free(control->answer);
  control->answer_read = 0;
  FILE *out = open_memstream(&control->answer, &control->answer_size);
  for (char *line = text; line != NULL;) {
    char *end = strchr(line, '\n');
    if (end != NULL) *end = '\0';
    run(line, out);
    line = end == NULL ? NULL : end + 1;
  }
  if (ftell(out) == 0) fputs("ok\n", out);
  fclose(out);
}

static long control_write(struct file *file, const void *from, size_t length, uint64_t offset) {
  (void)offset;
  struct control *control = (struct control *)file;
  char *text = malloc(length + 1);
  if (text == NULL) return -ENOMEM;
  memcpy(text, from, length);
  text[length] = '\0';
  run_all(text, control);
  free(text);
  return (long)length;
}

static long control_read(struct file *file, void *to, size_t length, uint64_t offset) {
  (void)offset;
  struct control *control = (struct control *)file;
  size_t left = control->answer == NULL ? 0 : control->answer_size - control->answer_read;
  size_t count = length < left ? length : left;
  if (count > 0) memcpy(to, control->answer + control->answer_read, count);
  control->answer_read += count;
  return (long)count;
}

static void release(struct file *file) {
  free(((struct control *)file)->answer);
  free(file);
}

static const struct file_ops ops = {.read = control_read, .write = control_write, .release = release};

struct file *control_new(void) {
  struct control *control = calloc(1, sizeof *control);
  if (control == NULL) abort();
  control->file = (struct file){CONTROL, &ops, 1, 0};
  return &control->file;
}
