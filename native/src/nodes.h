// The paths that the addon opens, and no others.
#pragma once

#include <string_view>

namespace vfio_native {

/**
 * Whether `path` is a node of VFIO or iommufd: /dev/vfio/vfio, /dev/vfio/<n>,
 * /dev/vfio/noiommu-<n>, /dev/vfio/devices/vfio<n> or /dev/iommu.
 */
bool is_vfio_node(std::string_view path);

}  // namespace vfio_native
