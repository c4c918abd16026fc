/* Commands about the kernel as a whole: options, faults, counters. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "faults.h"

/** An arm64 SMMUv3 with its MSI window cut out. */
#define DEFAULTS                                                                              \
  {                                                                                           \
    .unsafe_interrupts = true, .iommufd = true, .dma_entry_limit = 65535,                     \
    .memlock = UINT64_MAX, .page_sizes = 0x40201000, .range_count = 2,                        \
    .ranges = {{0, 0x7ffffff}, {0x8100000, 0xffffffffffff}},                                  \
  }
const struct options default_options = DEFAULTS;
struct options options = DEFAULTS;

const char *command_counters(char **words, int count, FILE *out) {
  (void)words, (void)count;
  fprintf(out,
          "{\"fds\":%ld,\"eventfds\":%ld,\"mappings\":%ld,\"dmaMappings\":%ld,\"watches\":%ld,"
          "\"virqfds\":%ld,\"tornDma\":%ld,\"dmaFaults\":%ld,\"hangUps\":%ld}\n",
          (long)counters.fds, (long)counters.eventfds, (long)counters.mappings,
          (long)counters.dma_mappings, (long)counters.watches, (long)counters.virqfds,
          (long)counters.torn_dma, (long)counters.dma_faults,
          (long)counters.hang_ups);
  return NULL;
}

/** option NAME VALUE */
const char *command_option(char **words, int count, FILE *out) {
  (void)out;
  if (count < 2) return "NAME VALUE";
  const char *name = words[0];
  uint64_t value = strtoull(words[1], NULL, 0);
  if (strcmp(name, "unsafe-noiommu") == 0) options.unsafe_noiommu = value != 0;
  else if (strcmp(name, "unsafe-interrupts") == 0) options.unsafe_interrupts = value != 0;
  else if (strcmp(name, "iommufd") == 0) options.iommufd = value != 0;
  else if (strcmp(name, "pass-through") == 0) options.pass_through = value != 0;
  else if (strcmp(name, "dma-entry-limit") == 0) options.dma_entry_limit = (uint32_t)value;
  else if (strcmp(name, "memlock") == 0) options.memlock = value;
  else if (strcmp(name, "page-sizes") == 0) options.page_sizes = value;
  else return "unknown option";
  tree_add_fixed();
  return NULL;
}

/** fail CALL NTH ERRNO [TIMES] */
const char *command_fail(char **words, int count, FILE *out) {
  (void)out;
  long times = count > 3 ? atol(words[3]) : 1;
  if (count < 3 || !fault_add(words[0], atol(words[1]), atol(words[2]), -1, times))
    return "CALL[:REQUEST|:PATH] NTH ERRNO [TIMES]";
  return NULL;
}

/** short CALL NTH BYTES [TIMES] */
const char *command_short(char **words, int count, FILE *out) {
  (void)out;
  long times = count > 3 ? atol(words[3]) : 1;
  if (count < 3 || !fault_add(words[0], atol(words[1]), 0, atol(words[2]), times))
    return "CALL NTH BYTES [TIMES]";
  return NULL;
}

const char *command_clear(char **words, int count, FILE *out) {
  (void)words, (void)count, (void)out;
  fault_clear();
  return NULL;
}

/** log on|off switches it; log alone gives what there is. */
const char *command_log(char **words, int count, FILE *out) {
  size_t size;
  if (count > 0) {
    log_switch(strcmp(words[0], "on") == 0);
    return NULL;
  }
  const char *text = log_take(&size);
  fwrite(text, 1, size, out);
  fputc('\n', out);
  return NULL;
}
