/* Commands that play the hardware of one device. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "faults.h"

static struct line *line_at(char **words, int count) {
  struct device *device = count < 2 ? NULL : board_find(words[0]);
  uint32_t index = device == NULL ? 0 : (uint32_t)strtoul(words[1], NULL, 0);
  return device == NULL || index >= device->line_count ? NULL : &device->lines[index];
}

static const char *NO_LINE = "no such line";

const char *command_raise(char **words, int count, FILE *out) {
  (void)out;
  struct line *line = line_at(words, count);
  if (line == NULL) return NO_LINE;
  line_drive(line, true);
  return NULL;
}

const char *command_lower(char **words, int count, FILE *out) {
  (void)out;
  struct line *line = line_at(words, count);
  if (line == NULL) return NO_LINE;
  line_drive(line, false);
  return NULL;
}

/** pulse NAME LINE [TIMES] */
const char *command_pulse(char **words, int count, FILE *out) {
  (void)out;
  struct line *line = line_at(words, count);
  if (line == NULL) return NO_LINE;
  for (long left = count > 2 ? atol(words[2]) : 1; left > 0; left--) {
    line_drive(line, true);
    line_drive(line, false);
  }
  return NULL;
}

static const char *truth(bool value) { return value ? "true" : "false"; }

const char *command_line(char **words, int count, FILE *out) {
  struct line *line = line_at(words, count);
  if (line == NULL) return NO_LINE;
  uint64_t pending = line->trigger == NULL ? 0 : eventfd_count(line->trigger);
  fprintf(out,
          "{\"high\":%s,\"masked\":%s,\"armed\":%s,\"resampled\":%s,\"pending\":%llu,\"signals\":%lu}\n",
          truth(line->high), truth(line->masked), truth(line->trigger != NULL),
          truth(line->unmask_fd != NULL), (unsigned long long)pending, line->signals);
  return NULL;
}

/** request-irq NAME LINE ERRNO: request_irq fails at the next first open. */
const char *command_request_irq(char **words, int count, FILE *out) {
  (void)out;
  struct line *line = line_at(words, count);
  if (line == NULL || count < 3) return NO_LINE;
  line->next_request_error = -atol(words[2]);
  return NULL;
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Bytes as pairs of hexadecimal digits. @return how many, or -1 */
static long from_hex(const char *text, uint8_t *bytes, size_t room) {
  size_t length = strlen(text) / 2;
  if (strlen(text) % 2 != 0 || length > room) return -1;
  for (size_t i = 0; i < length; i++) {
    int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return -1;
    bytes[i] = (uint8_t)(high * 16 + low);
  }
  return (long)length;
}

static void to_hex(const uint8_t *bytes, size_t length, FILE *out) {
  for (size_t i = 0; i < length; i++) fprintf(out, "%02x", bytes[i]);
  fputc('\n', out);
}

/** NAME REGION OFFSET: the register, and how many bytes follow it in its region. */
static uint8_t *register_at(char **words, int count, size_t *left) {
  struct device *device = count < 3 ? NULL : board_find(words[0]);
  uint32_t index = device == NULL ? 0 : (uint32_t)strtoul(words[1], NULL, 0);
  if (device == NULL || index >= device->region_count) return NULL;
  struct region *region = &device->regions[index];
  uint64_t offset = strtoull(words[2], NULL, 0);
  if (offset >= region->size) return NULL;
  *left = (size_t)(region->size - offset);
  return region->memory + offset;
}

/** peek NAME REGION OFFSET LENGTH */
const char *command_peek(char **words, int count, FILE *out) {
  size_t left, length = count < 4 ? 4 : (size_t)strtoul(words[3], NULL, 0);
  uint8_t *at = register_at(words, count, &left);
  if (at == NULL || length > left) return "no such register";
  to_hex(at, length, out);
  return NULL;
}

/** poke NAME REGION OFFSET HEX */
const char *command_poke(char **words, int count, FILE *out) {
  (void)out;
  static uint8_t bytes[65536];
  size_t left;
  uint8_t *at = register_at(words, count, &left);
  long length = count < 4 ? -1 : from_hex(words[3], bytes, sizeof bytes);
  if (at == NULL || length < 0 || (size_t)length > left) return "no such register";
  memcpy(at, bytes, (size_t)length);
  return NULL;
}

static struct space *space_of(const struct device *device) {
  if (device->iommufd != NULL) return iommufd_space(device->iommufd, device->iommufd_id);
  if (device->group == NULL || device->group->container == NULL) return NULL;
  return container_space(device->group->container);
}

/** dma-read NAME IOVA LENGTH: what the device reads of the guest's memory, or "fault" */
const char *command_dma_read(char **words, int count, FILE *out) {
  static uint8_t bytes[65536];
  struct device *device = count < 3 ? NULL : board_find(words[0]);
  size_t length = count < 3 ? 0 : (size_t)strtoul(words[2], NULL, 0);
  if (device == NULL || length > sizeof bytes) return "NAME IOVA LENGTH";
  if (!space_transfer(space_of(device), strtoull(words[1], NULL, 0), bytes, length, true))
    fputs("fault\n", out);
  else to_hex(bytes, length, out);
  return NULL;
}

/** dma-write NAME IOVA HEX */
const char *command_dma_write(char **words, int count, FILE *out) {
  static uint8_t bytes[65536];
  struct device *device = count < 3 ? NULL : board_find(words[0]);
  long length = count < 3 ? -1 : from_hex(words[2], bytes, sizeof bytes);
  if (device == NULL || length < 0) return "NAME IOVA HEX";
  if (!space_transfer(space_of(device), strtoull(words[1], NULL, 0), bytes, (size_t)length, false))
    fputs("fault\n", out);
  return NULL;
}

const char *command_info(char **words, int count, FILE *out) {
  struct device *device = count < 1 ? NULL : board_find(words[0]);
  if (device == NULL) return "no such device";
  fprintf(out, "{\"users\":%d,\"files\":%d,\"resets\":%lu}\n", device->open_count, device->files,
          device->resets);
  return NULL;
}
