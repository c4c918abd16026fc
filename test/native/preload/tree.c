/* The played /sys and /dev, as real files below $VFIO_PLAY_ROOT. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "play.h"

/** What is played; the rest of /sys and /dev stays the machine's own. */
static const char *const PLAYED[] = {
    "/sys/bus/platform", "/sys/bus/amba", "/sys/devices/platform", "/sys/kernel/iommu_groups",
    "/sys/firmware/devicetree", "/sys/module/vfio", "/sys/module/vfio_iommu_type1",
    "/sys/module/vfio_platform", "/sys/module/iommufd", "/dev/vfio", "/dev/iommu"};

/** $VFIO_PLAY_ROOT/<pid>, so that every process has a machine of its own; NULL without the variable. */
static const char *root(void) {
  static char path[256];
  if (path[0] == '\0') {
    const char *base = getenv("VFIO_PLAY_ROOT");
    if (base == NULL) return NULL;
    snprintf(path, sizeof path, "%s/%d", base, (int)getpid());
  }
  return path;
}

bool tree_rewrite(const char *path, char real[static MAX_PATH]) {
  if (path == NULL || path[0] != '/' || (path[1] != 's' && path[1] != 'd') || root() == NULL)
    return false;
  for (size_t i = 0; i < sizeof PLAYED / sizeof PLAYED[0]; i++) {
    size_t length = strlen(PLAYED[i]);
    if (strncmp(path, PLAYED[i], length) != 0 || (path[length] != '\0' && path[length] != '/'))
      continue;
    return snprintf(real, MAX_PATH, "%s%s", root(), path) < MAX_PATH;
  }
  return false;
}

void tree_strip(char *path) {
  size_t length = root() == NULL ? 0 : strlen(root());
  if (length > 0 && strncmp(path, root(), length) == 0 && path[length] == '/')
    memmove(path, path + length, strlen(path + length) + 1);
}

static void make_parents(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(path, 0755);
    *slash = '/';
  }
}

/** The real place of a path that is printed, its directories made. */
#define PLACE(real, ...)                                               \
  char real[MAX_PATH];                                                 \
  do {                                                                 \
    char played[MAX_PATH];                                             \
    snprintf(played, sizeof played, __VA_ARGS__);                      \
    if (snprintf(real, sizeof real, "%s%s", root(), played) >= MAX_PATH) abort(); \
    make_parents(real);                                                \
  } while (0)

static void put(const char *real, const char *text, size_t length) {
  int fd = open(real, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return;
  if (write(fd, text, length) != (ssize_t)length) abort();
  close(fd);
}

static void put_text(const char *real, const char *text) { put(real, text, strlen(text)); }

static void link_to(const char *real, const char *target) {
  unlink(real);
  if (symlink(target, real) != 0) abort();
}

void tree_add_fixed(void) {
  if (root() == NULL) return;
  PLACE(parameter, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
  put_text(parameter, options.unsafe_noiommu ? "Y\n" : "N\n");
  PLACE(unsafe, "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts");
  put_text(unsafe, options.unsafe_interrupts ? "Y\n" : "N\n");
  PLACE(platform, "/sys/bus/platform/devices/x");
  PLACE(amba, "/sys/bus/amba/devices/x");
  PLACE(groups, "/sys/kernel/iommu_groups/x");
  PLACE(container, "/dev/vfio/vfio");
  put_text(container, "");
  PLACE(cdevs, "/dev/vfio/devices/x");
  PLACE(iommu, "/dev/iommu");
  if (options.iommufd) put_text(iommu, "");
  else unlink(iommu);
}

/** As sysfs names the node of '9010000.pl031': pl031@9010000. */
static void node_name(const char *device, char node[static MAX_NAME]) {
  const char *dot = strchr(device, '.');
  if (dot == NULL) snprintf(node, MAX_NAME, "%s", device);
  else snprintf(node, MAX_NAME, "%s@%.*s", dot + 1, (int)(dot - device), device);
}

static void add_of_node(const struct device *device) {
  char node[MAX_NAME], target[MAX_PATH], text[sizeof device->compatible];
  size_t length = strlen(device->compatible);
  if (length == 0) return;
  node_name(device->name, node);
  memcpy(text, device->compatible, length + 1);
  for (size_t i = 0; i < length; i++) text[i] = text[i] == ';' ? '\0' : text[i];
  PLACE(compatible, "/sys/firmware/devicetree/base/%s/compatible", node);
  put(compatible, text, length + 1);
  PLACE(link, "/sys/devices/platform/%s/of_node", device->name);
  snprintf(target, sizeof target, "../../../firmware/devicetree/base/%s", node);
  link_to(link, target);
}

void tree_add_device(const struct device *device, const char *driver) {
  const char *name = device->name, *bus = device->bus;
  char target[MAX_PATH];
  if (root() == NULL) return;
  PLACE(bus_link, "/sys/bus/%s/devices/%s", bus, name);
  snprintf(target, sizeof target, "../../../devices/platform/%s", name);
  link_to(bus_link, target);
  PLACE(subsystem, "/sys/devices/platform/%s/subsystem", name);
  snprintf(target, sizeof target, "../../../bus/%s", bus);
  link_to(subsystem, target);
  add_of_node(device);
  if (driver[0] != '\0') {
    PLACE(driver_dir, "/sys/bus/%s/drivers/%s/x", bus, driver);
    PLACE(driver_link, "/sys/devices/platform/%s/driver", name);
    snprintf(target, sizeof target, "../../../bus/%s/drivers/%s", bus, driver);
    link_to(driver_link, target);
  }
  if (device->group == NULL) return;
  PLACE(members, "/sys/kernel/iommu_groups/%d/devices/%s", device->group->id, name);
  snprintf(target, sizeof target, "../../../../devices/platform/%s", name);
  link_to(members, target);
  PLACE(group_link, "/sys/devices/platform/%s/iommu_group", name);
  snprintf(target, sizeof target, "../../../kernel/iommu_groups/%d", device->group->id);
  link_to(group_link, target);
}

void tree_add_nodes(const struct device *device) {
  char text[32];
  if (root() == NULL || device->group == NULL) return;
  PLACE(group, "/dev/vfio/%s%d", device->group->noiommu ? "noiommu-" : "", device->group->id);
  put_text(group, "");
  if (!device->cdev) return;
  PLACE(dev, "/sys/devices/platform/%s/vfio-dev/vfio%d/dev", device->name, device->minor);
  snprintf(text, sizeof text, "%d:%d\n", CDEV_MAJOR, device->minor);
  put_text(dev, text);
  PLACE(cdev, "/dev/vfio/devices/vfio%d", device->minor);
  put_text(cdev, "");
}

/** The directory of a device goes with what tree_add_device and tree_add_nodes put there. */
void tree_remove_device(const struct device *device) {
  const char *name = device->name;
  if (root() == NULL) return;
  static const char *const ENTRIES[] = {"subsystem", "of_node", "driver", "iommu_group"};
  for (size_t i = 0; i < sizeof ENTRIES / sizeof ENTRIES[0]; i++) {
    PLACE(entry, "/sys/devices/platform/%s/%s", name, ENTRIES[i]);
    unlink(entry);
  }
  PLACE(bus_link, "/sys/bus/%s/devices/%s", device->bus, name);
  unlink(bus_link);
  tree_remove_cdev(device);
  PLACE(directory, "/sys/devices/platform/%s", name);
  rmdir(directory);
  if (device->group == NULL) return;
  PLACE(member, "/sys/kernel/iommu_groups/%d/devices/%s", device->group->id, name);
  unlink(member);
  for (struct device *other = board_devices; other != NULL; other = other->next)
    if (other != device && other->on_board && other->group == device->group && other->bound) return;
  PLACE(group, "/dev/vfio/%s%d", device->group->noiommu ? "noiommu-" : "", device->group->id);
  unlink(group);
}

void tree_remove_cdev(const struct device *device) {
  PLACE(dev, "/sys/devices/platform/%s/vfio-dev/vfio%d/dev", device->name, device->minor);
  unlink(dev);
  PLACE(numbered, "/sys/devices/platform/%s/vfio-dev/vfio%d", device->name, device->minor);
  rmdir(numbered);
  PLACE(parent, "/sys/devices/platform/%s/vfio-dev", device->name);
  rmdir(parent);
  PLACE(cdev, "/dev/vfio/devices/vfio%d", device->minor);
  unlink(cdev);
}
