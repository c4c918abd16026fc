#include "requests.h"

#include <algorithm>
#include <iterator>

namespace vfio_native {

namespace {

using Argument = Request::Argument;

constexpr Request kRequests[] = {
#include "shared/request_table.inc"
};

constexpr bool before(const Request& a, const Request& b) { return a.number < b.number; }
static_assert(std::is_sorted(std::begin(kRequests), std::end(kRequests), before),
              "find_request() halves the table");

}  // namespace

const Request* find_request(uint32_t number) {
  const auto* found = std::lower_bound(
      std::begin(kRequests), std::end(kRequests), number,
      [](const Request& request, uint32_t wanted) { return request.number < wanted; });
  return found != std::end(kRequests) && found->number == number ? found : nullptr;
}

}  // namespace vfio_native
