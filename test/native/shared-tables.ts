import * as iommufd from '../../assembly/abi/iommufd';
import * as kvm from '../../assembly/abi/kvm';
import * as vfio from '../../assembly/abi/vfio';
import { type RequestShape, requestTable } from '../../host/boundary/request-table';

const NOTICE = '// Written from TypeScript by: npm test -- test/native/shared -u. Do not edit.\n';

/** The numbers of assembly/abi/ as a C++ header. */
export function abiHeader(): string {
  const part = (file: string, numbers: Readonly<Record<string, number>>) =>
    [
      `// assembly/abi/${file}`,
      ...Object.entries(numbers).map(
        ([name, value]) => `inline constexpr uint32_t k${name} = 0x${value.toString(16)};`,
      ),
    ].join('\n');
  return `${NOTICE}#pragma once

#include <cstdint>

namespace vfio_native::abi {

${part('vfio.ts', vfio)}

${part('iommufd.ts', iommufd)}

${part('kvm.ts', kvm)}

}  // namespace vfio_native::abi
`;
}

const ARGUMENTS = {
  none: 'Argument::kNone',
  integer: 'Argument::kInteger',
  struct: 'Argument::kStruct',
  'device-name': 'Argument::kDeviceName',
} as const;

function row(number: number, shape: RequestShape): string {
  const { items, handles, flags } = shape;
  const descriptors = handles.map(
    ({ offset, when }) => `{${offset}, ${when?.offset ?? 0}, ${when?.bits ?? 0}}`,
  );
  const fields = [
    `0x${number.toString(16)}`,
    `"${shape.name}"`,
    ARGUMENTS[shape.argument],
    shape.size,
    shape.sized,
    items?.count ?? 0,
    items?.pointer ?? 0,
    items?.size ?? 0,
    handles.length,
    `{${descriptors.join(', ')}}`,
    flags?.offset ?? 0,
    flags?.allowed ?? 0,
    shape.guestRam ?? 0,
    shape.guestRamLength ?? 0,
    shape.returnsHandle,
  ];
  return `{${fields.join(', ')}},\n`;
}

/** The request table as C++ initializers of `struct Request`, by number. */
export function requestRows(): string {
  const rows = [...requestTable].sort(([a], [b]) => a - b);
  return NOTICE + rows.map(([number, shape]) => row(number, shape)).join('');
}
