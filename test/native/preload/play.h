/* What the parts of the played kernel know of each other.
 *
 * Every function below is called with `play_lock` held unless it says
 * otherwise, and answers as the kernel does: 0 or more, or -errno.
 */
#ifndef VFIO_PLAY_H
#define VFIO_PLAY_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi.h"

enum {
  MAX_FDS = 65536,
  MAX_NAME = 64,
  MAX_REGIONS = 64,
  MAX_LINES = 1024,
  MAX_AREAS = 16,
  MAX_PATH = 1024,
  PLAYED_PAGE = 4096,
  /** Majors are dynamic in Linux; a fresh machine often gives this one to vfio-dev. */
  CDEV_MAJOR = 511,
};

extern pthread_mutex_t play_lock;

/* ---- files.c: open files and descriptors ---- */

enum file_kind { EVENTFD, GROUP, CONTAINER, DEVICE, IOMMUFD, CONTROL };

struct file;
struct file_ops {
  long (*ioctl)(struct file *file, unsigned request, void *argument);
  long (*read)(struct file *file, void *to, size_t length, uint64_t offset);
  long (*write)(struct file *file, const void *from, size_t length, uint64_t offset);
  void (*release)(struct file *file);
};

/** An open file. References: its descriptors, its mappings, and kernel objects that hold it. */
struct file {
  enum file_kind kind;
  const struct file_ops *ops;
  int references;
  int descriptors;
};

/** The played file behind a descriptor, or NULL; needs no lock. */
struct file *file_of(int fd);
/** Gives the file (one reference is taken over) a descriptor of its own. */
long file_install(struct file *file, const char *name, int flags);
/** Makes `fd`, which is open already, a descriptor of the file. */
void file_attach(struct file *file, int fd);
/** `fd` is about to be closed. */
void file_detach(int fd);
void file_hold(struct file *file);
void file_put(struct file *file);
/** A descriptor that is still open on the file, or -1. */
int file_descriptor(const struct file *file);

/* ---- eventfd.c ---- */

struct eventfd {
  struct file file;
  /** Where an epoll watches it, for hanging up. */
  int epoll;
  uint64_t epoll_data;
  bool hung_up;
  /** The count that was there when the kernel began to consume it. */
  uint64_t acted_on;
};

/** The eventfd behind a descriptor of any origin, or NULL with *error set. */
struct eventfd *eventfd_of(int fd, long *error);
void eventfd_adopt(int fd);
void eventfd_signal(struct eventfd *eventfd);
/** Takes the count away without blocking. */
uint64_t eventfd_drain(struct eventfd *eventfd);
uint64_t eventfd_count(struct eventfd *eventfd);
/** The kernel itself consumes signals from now on, whoever writes them. */
void eventfd_consume(struct eventfd *eventfd, bool on);
/** The last descriptor is gone: epolls and consumers let it go. */
void eventfd_abandoned(struct eventfd *eventfd);
void eventfd_hang_up(struct eventfd *eventfd);
extern atomic_bool any_hung_up;

/* ---- irq.c ---- */

struct device;

struct line {
  struct device *device;
  bool level, high, masked, latched, firing, refire;
  /** -errno of a request_irq that failed when the device was opened. */
  long request_error, next_request_error;
  struct eventfd *trigger, *mask_fd, *unmask_fd;
  unsigned long signals;
};

long irq_set(struct device *device, const struct irq_set *set);
void line_drive(struct line *line, bool high);
void line_shut_down(struct line *line);
/** Somebody signalled an eventfd: masks or unmasks what it is for. */
void virqfd_run(struct eventfd *eventfd);
/** The last descriptor of an eventfd is gone. */
void virqfd_release(struct eventfd *eventfd);

/* ---- dma.c: I/O address spaces ---- */

struct dma_entry { uint64_t iova, size, address; bool readable, writable; };

struct space {
  struct dma_entry *entries;
  size_t count;
  struct space *next;
};

struct space *space_new(void);
void space_free(struct space *space);
struct dma_entry *space_overlapping(struct space *space, uint64_t first, uint64_t last);
long space_insert(struct space *space, struct dma_entry entry);
void space_remove(struct space *space, struct dma_entry *entry);
/** Whether all of the range is mapped in this process. */
bool user_memory(uint64_t address, uint64_t size);
bool iova_allowed(uint64_t first, uint64_t last);
/** The pages of a range are going away: counts DMA mappings that lose theirs. */
void space_note_unmapped(uint64_t address, uint64_t size);
/** What the device does. @return false when the IOMMU stops it */
bool space_transfer(struct space *space, uint64_t iova, void *bytes, size_t length, bool to_device);

/* ---- group.c, container.c, iommufd.c ---- */

struct container;

struct group {
  int id;
  bool noiommu;
  /** Devices that a VFIO driver has, that another driver has, bound cdevs. */
  int drivers, foreign_drivers, cdev_users;
  struct file *opened;
  struct container *container;
  int container_users;
  void *dma_owner;
  int dma_claims;
  struct group *next;
};

long group_open(struct group *group, int flags);
bool group_claim_dma(struct group *group, void *owner);
void group_release_dma(struct group *group);
long group_use_container(struct group *group);
void group_unuse_container(struct group *group);

struct file *container_new(void);
long container_attach(struct container *container, struct group *group);
void container_detach(struct container *container, struct group *group);
bool container_has_iommu(const struct container *container);
struct space *container_space(const struct container *container);
long type1_ioctl(struct space *space, bool v2, unsigned request, void *argument);

struct file *iommufd_new(void);
/** @return the id of the bound device, or -errno */
long iommufd_bind(struct file *iommufd, struct device *device);
void iommufd_unbind(struct file *iommufd, uint32_t id);
/** @return the id of the page table, or -errno */
long iommufd_attach(struct file *iommufd, uint32_t device_id, uint32_t page_table_id);
void iommufd_detach(struct file *iommufd, uint32_t device_id);
struct space *iommufd_space(struct file *iommufd, uint32_t device_id);

/* ---- device.c ---- */

struct region {
  uint32_t flags;
  uint64_t size;
  int memory_fd;
  uint8_t *memory;
  struct sparse_area areas[MAX_AREAS];
  uint32_t area_count;
};

struct device {
  char name[MAX_NAME];
  char compatible[256];
  const char *bus;
  struct group *group;
  bool resettable, bound, cdev, gone;
  int minor;
  struct region regions[MAX_REGIONS];
  uint32_t region_count;
  struct line lines[MAX_LINES];
  uint32_t line_count;
  /** Users (a bound cdev is one), and files of any kind. */
  int open_count, files;
  struct file *iommufd;
  uint32_t iommufd_id;
  unsigned long resets;
  bool on_board;
  struct device *next;
};

long device_open_in_group(struct device *device, struct group *group, const char *name);
long device_open_cdev(struct device *device, int flags);
struct device *device_of(struct file *file);
/** mmap of a device's descriptor. */
long device_mmap(struct file *file, void *address, size_t length, int prot, int flags, uint64_t offset);

/* ---- mappings.c ---- */

void mapping_add(uint64_t start, uint64_t size, struct file *file);
/** The kernel takes whatever is mapped there away. */
void mapping_drop(uint64_t start, uint64_t size);
/** Mappings inside the range are elsewhere now. */
void mapping_move(uint64_t from, uint64_t size, uint64_t to);
bool mapping_overlaps(uint64_t start, uint64_t size);
/** Whether anybody has to be told of unmapped pages; needs no lock. */
bool mapping_any(void);

/* ---- board.c, tree.c ---- */

extern struct device *board_devices;
extern struct group *board_groups;
struct device *board_find(const char *name);
struct group *board_group(int id, bool noiommu);
/** Opens a node of the played /dev, or answers -ENOENT. */
long board_open(const char *path, int flags);
/** Whether `path` is a node of the played /dev; its rdev then. */
bool board_is_node(const char *path, dev_t *rdev);
void board_remove(struct device *device);
void device_free_if_idle(struct device *device);

/** Whether the path belongs to the played /sys or /dev; then where it really is. Needs no lock. */
bool tree_rewrite(const char *path, char real[static MAX_PATH]);
/** Takes the root away from the front of a path. Needs no lock. */
void tree_strip(char *path);
void tree_add_fixed(void);
void tree_add_device(const struct device *device, const char *driver);
void tree_add_nodes(const struct device *device);
void tree_remove_device(const struct device *device);
void tree_remove_cdev(const struct device *device);

/* ---- faults.c ---- */

enum call { CALL_OPEN, CALL_CLOSE, CALL_IOCTL, CALL_MMAP, CALL_MUNMAP, CALL_MREMAP, CALL_PREAD, CALL_PWRITE,
  CALL_READ, CALL_WRITE, CALL_EVENTFD, CALL_EPOLL, CALL_COUNT };

/**
 * A call is being made: counts it.
 * @param path of an open; NULL otherwise
 * @param length lowered to make the transfer short; NULL where there is none
 * @return 0, or -errno for the call to fail with
 */
long fault_strike(enum call call, const char *path, size_t *length);
/** The same for an ioctl. */
long fault_strike_ioctl(unsigned request, const void *argument);
/** Whether calls are counted or logged at all now; needs no lock. */
bool fault_watching(void);
/** The call has this result: writes the log. */
void fault_log(enum call call, unsigned request, const char *path, long result);

/* ---- control.c ---- */

struct options {
  bool unsafe_noiommu, unsafe_interrupts, iommufd, pass_through;
  uint32_t dma_entry_limit;
  uint64_t memlock, page_sizes;
  struct iova_range ranges[8];
  uint32_t range_count;
};
extern struct options options;

struct counters {
  atomic_long fds, eventfds, mappings, dma_mappings, watches, virqfds, torn_dma, dma_faults, hang_ups;
};
extern struct counters counters;

/** The file through which tests command the played kernel. */
#define CONTROL_PATH "/dev/vfio-play"
struct file *control_new(void);

#endif
