#include "nodes.h"

namespace vfio_native {

namespace {

bool is_number(std::string_view text) {
  if (text.empty() || text.size() > 10) return false;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return false;
  }
  return true;
}

bool is_numbered(std::string_view path, std::string_view prefix) {
  return path.substr(0, prefix.size()) == prefix && is_number(path.substr(prefix.size()));
}

}  // namespace

bool is_vfio_node(std::string_view path) {
  return path == "/dev/vfio/vfio" || path == "/dev/iommu" || is_numbered(path, "/dev/vfio/") ||
         is_numbered(path, "/dev/vfio/noiommu-") || is_numbered(path, "/dev/vfio/devices/vfio");
}

}  // namespace vfio_native
