// The descriptors that one environment may use: those it opened, and those it
// was explicitly given.
#pragma once

#include <cstdint>
#include <vector>

#include "owned.h"

namespace vfio_native {

class FdTable {
 public:
  enum class Kind : uint8_t { kNode, kEventfd, kBorrowed };

  ~FdTable();

  /** Takes over `fd` (or, borrowed, only the right to use it). @returns `fd` */
  int add(int fd, Kind kind);
  /**
   * The right to use `fd`, once more: others may have it lent too.
   * @returns the number of what is lent, for give_back(); never that of another descriptor
   */
  int lend(int fd);
  /** Ends one lend(); the last one takes a borrowed descriptor out. −EBADF when it has gone. */
  int give_back(int lent);
  bool has(int fd) const { return index(fd) >= 0; }
  bool is_eventfd(int fd) const;
  bool is_borrowed(int fd) const;
  /** Closes it, or gives a borrowed one back; −EBADF when it is not in the table. */
  int close(int fd);

  /** Descriptors of this table, except borrowed ones. */
  uint32_t open_count() const;
  uint32_t eventfd_count() const;

 private:
  struct Entry {
    int fd;
    Kind kind;
    /** Linux gives descriptors out again, but this number is another one then. */
    int number;
    uint32_t lends;
  };
  int index(int fd) const;
  void remove(int fd);

  // In the order of opening. `slots_` finds them by descriptor, which Linux keeps small.
  std::vector<Entry> entries_;
  std::vector<int> slots_;
  int next_number_ = 1;
};

}  // namespace vfio_native
