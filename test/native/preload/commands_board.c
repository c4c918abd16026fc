/* Commands that put devices on the board and take them away. */
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "commands.h"
#include "faults.h"
#include "raw.h"

static int next_minor;

static uint64_t pages(uint64_t size) { return (size + PLAYED_PAGE - 1) & ~(uint64_t)(PLAYED_PAGE - 1); }

/** SIZE[:FLAGS[:OFFSET+SIZE,...]]; flags: r, w, m (mappable), rwm unless given. */
static const char *add_region(struct device *device, char *text) {
  if (device->region_count == MAX_REGIONS) return "too many regions";
  struct region *region = &device->regions[device->region_count];
  *region = (struct region){.memory_fd = -1};
  region->size = strtoull(text, &text, 0);
  const char *flags = "rwm";
  if (*text == ':') flags = ++text, text += strcspn(text, ":");
  for (const char *flag = flags; flag != text && *flag != '\0' && region->size > 0; flag++) {
    if (*flag == 'r') region->flags |= REGION_READ;
    if (*flag == 'w') region->flags |= REGION_WRITE;
    if (*flag == 'm' && region->size % PLAYED_PAGE == 0) region->flags |= REGION_MMAP;
  }
  while (*text != '\0') {
    if (region->area_count == MAX_AREAS) return "too many areas";
    struct sparse_area *area = &region->areas[region->area_count++];
    area->offset = strtoull(text + 1, &text, 0);
    if (*text != '+') return "a sparse area is OFFSET+SIZE";
    area->size = strtoull(text + 1, &text, 0);
  }
  device->region_count++;
  if (region->size == 0) return NULL;
  long fd = RAW2(SYS_memfd_create, "vfio:region", MFD_CLOEXEC);
  if (fd < 0 || RAW2(SYS_ftruncate, fd, pages(region->size)) != 0) return "no memory for a region";
  region->memory_fd = (int)fd;
  long memory = RAW(SYS_mmap, 0, pages(region->size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory < 0 && memory >= -4095) return "no memory for a region";
  region->memory = (uint8_t *)memory;
  return NULL;
}

struct wiring { int group; bool noiommu, iommu; const char *host_driver; };

static const char *apply(struct device *device, struct wiring *wiring, char *word) {
  char *value = strchr(word, '=');
  if (value != NULL) *value++ = '\0';
  if (value == NULL) {
    if (strcmp(word, "noiommu") == 0) wiring->noiommu = true;
    else if (strcmp(word, "no-iommu-group") == 0) wiring->iommu = false;
    else if (strcmp(word, "noreset") == 0) device->resettable = false;
    else if (strcmp(word, "nocdev") == 0) device->cdev = false;
    else if (strcmp(word, "unbound") == 0) device->bound = false;
    else return "unknown word";
  } else if (strcmp(word, "bus") == 0) device->bus = strcmp(value, "amba") == 0 ? "amba" : "platform";
  else if (strcmp(word, "compatible") == 0) snprintf(device->compatible, sizeof device->compatible, "%s", value);
  else if (strcmp(word, "group") == 0) wiring->group = atoi(value);
  else if (strcmp(word, "hostdriver") == 0) wiring->host_driver = value, device->bound = false;
  else if (strcmp(word, "region") == 0) return add_region(device, value);
  else if (strcmp(word, "irq") == 0) {
    if (device->line_count == MAX_LINES) return "too many lines";
    device->lines[device->line_count++] =
        (struct line){.device = device, .level = strcmp(value, "level") == 0};
  } else return "unknown word";
  return NULL;
}

static int free_group(void) {
  int id = 0;
  for (struct group *group = board_groups; group != NULL; group = group->next)
    if (group->id >= id) id = group->id + 1;
  return id;
}

const char *command_device(char **words, int count, FILE *out) {
  if (count < 1 || strlen(words[0]) >= MAX_NAME) return "needs a name";
  if (board_find(words[0]) != NULL) return "there is a device of that name";
  struct device *device = calloc(1, sizeof *device);
  if (device == NULL) return "no memory";
  struct wiring wiring = {.group = -1, .iommu = true, .host_driver = ""};
  device->bus = "platform";
  device->resettable = device->bound = device->cdev = true;
  snprintf(device->name, sizeof device->name, "%s", words[0]);
  const char *error = NULL;
  for (int i = 1; i < count && error == NULL; i++) error = apply(device, &wiring, words[i]);
  if (error == NULL && wiring.iommu && (!wiring.noiommu || options.unsafe_noiommu)) {
    device->group = board_group(wiring.group >= 0 ? wiring.group : free_group(), wiring.noiommu);
    if (device->group == NULL) error = "that group is of the other kind";
  }
  if (error != NULL) {
    free(device);
    return error;
  }
  device->on_board = true;
  device->next = board_devices;
  board_devices = device;
  device->bound = device->bound && device->group != NULL;
  device->cdev = device->cdev && device->bound && options.iommufd && !wiring.noiommu;
  device->minor = device->cdev ? next_minor++ : -1;
  const char *driver = wiring.host_driver;
  if (device->bound) driver = strcmp(device->bus, "amba") == 0 ? "vfio-amba" : "vfio-platform";
  tree_add_fixed();
  tree_add_device(device, driver);
  if (device->group != NULL && wiring.host_driver[0] != '\0') device->group->foreign_drivers++;
  if (device->bound) {
    device->group->drivers++;
    tree_add_nodes(device);
  }
  fprintf(out, "{\"group\":%d,\"cdev\":%d}\n", device->group == NULL ? -1 : device->group->id, device->minor);
  return NULL;
}

const char *command_remove(char **words, int count, FILE *out) {
  (void)out;
  struct device *device = count < 1 ? NULL : board_find(words[0]);
  if (device == NULL) return "no such device";
  board_remove(device);
  return NULL;
}

/** Surprise removal: calls answer ENODEV, the registers read as ones. */
const char *command_vanish(char **words, int count, FILE *out) {
  (void)out;
  struct device *device = count < 1 ? NULL : board_find(words[0]);
  if (device == NULL) return "no such device";
  device->gone = true;
  for (uint32_t i = 0; i < device->region_count; i++)
    if (device->regions[i].memory != NULL)
      memset(device->regions[i].memory, 0xff, device->regions[i].size);
  board_remove(device);
  return NULL;
}

/** The bus refuses every access to the device: SIGBUS where it is mapped, ENODEV elsewhere. */
const char *command_tear(char **words, int count, FILE *out) {
  (void)out;
  struct device *device = count < 1 ? NULL : board_find(words[0]);
  if (device == NULL) return "no such device";
  device->gone = true;
  for (uint32_t i = 0; i < device->region_count; i++)
    if (device->regions[i].memory != NULL && RAW2(SYS_ftruncate, device->regions[i].memory_fd, 0) < 0)
      return "cannot truncate";
  board_remove(device);
  return NULL;
}

/** The trigger eventfds of a device report EPOLLHUP. */
const char *command_hangup(char **words, int count, FILE *out) {
  (void)out;
  struct device *device = count < 1 ? NULL : board_find(words[0]);
  if (device == NULL) return "no such device";
  for (uint32_t i = 0; i < device->line_count; i++)
    if (device->lines[i].trigger != NULL) eventfd_hang_up(device->lines[i].trigger);
  return NULL;
}

/** An empty board, the options as they were; what is open works on. */
const char *command_reset(char **words, int count, FILE *out) {
  (void)words, (void)count, (void)out;
  fault_clear();
  log_switch(false);
  for (struct device *device = board_devices, *next; device != NULL; device = next) {
    next = device->next;
    board_remove(device);
  }
  counters.torn_dma = counters.dma_faults = counters.hang_ups = 0;
  extern const struct options default_options;
  options = default_options;
  tree_add_fixed();
  return NULL;
}
