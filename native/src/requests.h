// The ioctls that this project knows. The table is generated from
// host/boundary/request-table.ts (npm test -- test/native/shared -u).
#pragma once

#include <cstdint>

namespace vfio_native {

struct Request {
  enum class Argument : uint8_t { kNone, kInteger, kStruct, kDeviceName };
  /** A 32-bit descriptor field, there only when one of `bits` of the word at `flags` is set. */
  struct Descriptor {
    uint32_t offset;
    uint32_t flags;
    /** 0: always there. */
    uint32_t bits;
  };

  uint32_t number;
  const char* name;
  Argument argument;
  /** Bytes of the struct without what follows it. */
  uint32_t size;
  /** The first word says how long the struct is. */
  bool sized;
  /** Items behind the struct: where their number and their address are; 0 bytes each: none. */
  uint32_t item_count;
  uint32_t item_pointer;
  uint32_t item_size;
  uint32_t descriptor_count;
  Descriptor descriptors[2];
  /** Where the flags are that the kernel reads (0: there are none), and which may be set. */
  uint32_t flags;
  uint32_t allowed_flags;
  /** Where the 64-bit address and length of guest RAM are; 0: nowhere. */
  uint32_t ram_address;
  uint32_t ram_length;
  bool returns_fd;
};

/** nullptr when the request is none of ours. */
const Request* find_request(uint32_t number);

}  // namespace vfio_native
