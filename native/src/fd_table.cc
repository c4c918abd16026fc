#include "fd_table.h"

#include <algorithm>

namespace vfio_native {

FdTable::~FdTable() {
  // What was opened last rests on what was opened first.
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->kind != Kind::kBorrowed) sys::close(entry->fd);
  }
}

int FdTable::index(int fd) const {
  if (fd < 0 || static_cast<size_t>(fd) >= slots_.size()) return -1;
  return slots_[fd];
}

int FdTable::add(int fd, Kind kind) {
  // A lender closed it without a word, and Linux has given the number out again.
  if (has(fd)) remove(fd);
  if (static_cast<size_t>(fd) >= slots_.size()) slots_.resize(fd + 1, -1);
  slots_[fd] = static_cast<int>(entries_.size());
  entries_.push_back({fd, kind, next_number_, 1});
  next_number_ = next_number_ == INT32_MAX ? 1 : next_number_ + 1;
  return fd;
}

int FdTable::lend(int fd) {
  const int at = index(fd);
  if (at < 0) {
    add(fd, Kind::kBorrowed);
    return entries_.back().number;
  }
  entries_[at].lends++;
  return entries_[at].number;
}

int FdTable::give_back(int lent) {
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [lent](auto& candidate) { return candidate.number == lent; });
  if (entry == entries_.end()) return -EBADF;
  // What is ours stays until it is closed.
  if (entry->kind == Kind::kBorrowed && --entry->lends == 0) remove(entry->fd);
  return 0;
}

bool FdTable::is_eventfd(int fd) const {
  const int at = index(fd);
  return at >= 0 && entries_[at].kind == Kind::kEventfd;
}

bool FdTable::is_borrowed(int fd) const {
  const int at = index(fd);
  return at >= 0 && entries_[at].kind == Kind::kBorrowed;
}

int FdTable::close(int fd) {
  const int at = index(fd);
  if (at < 0) return -EBADF;
  const Kind kind = entries_[at].kind;
  remove(fd);
  return kind == Kind::kBorrowed ? 0 : sys::close(fd);
}

void FdTable::remove(int fd) {
  const int at = index(fd);
  entries_.erase(entries_.begin() + at);
  slots_[fd] = -1;
  for (size_t i = at; i < entries_.size(); i++) slots_[entries_[i].fd] = static_cast<int>(i);
}

uint32_t FdTable::open_count() const {
  return static_cast<uint32_t>(std::count_if(entries_.begin(), entries_.end(), [](auto& entry) {
    return entry.kind != Kind::kBorrowed;
  }));
}

uint32_t FdTable::eventfd_count() const {
  return static_cast<uint32_t>(std::count_if(entries_.begin(), entries_.end(), [](auto& entry) {
    return entry.kind == Kind::kEventfd;
  }));
}

}  // namespace vfio_native
