import { describe, expect, it } from 'vitest';
import {
  alteraPs2Profile,
  builtinProfiles,
  type DeviceProfile,
  dwApbUartProfile,
  type EoiRule,
  findProfile,
  ns16550Profile,
  ns16550ProfileFor,
  pl011Profile,
  pl031Profile,
  pl061Profile,
  virtioMmioProfile,
} from '../../host/profiles';
import {
  AlteraPs2,
  type DeviceModel,
  DwApbUart,
  Ns16550,
  Pl011,
  Pl031,
  Pl061,
  VirtioMmio,
  VirtioRng,
} from '../../host/sim/models';
import type { ModelWidth } from '../../host/sim/models/model';
import { SeededRandom } from '../../host/sim/random';
import { Board } from './fixture';

const own: DeviceProfile = { name: 'own', compatible: ['acme,uart'], registers: [], eoi: [] };

describe('findProfile', () => {
  it.each([
    [['arm,pl031', 'arm,primecell'], pl031Profile],
    [['arm,pl061', 'arm,primecell'], pl061Profile],
    [['arm,pl011', 'arm,primecell'], pl011Profile],
    [['ns16550a'], ns16550Profile],
    [['ns16550'], ns16550Profile],
    [['snps,dw-apb-uart'], dwApbUartProfile],
    [['virtio,mmio'], virtioMmioProfile],
    [['altr,ps2-1.0'], alteraPs2Profile],
  ])('knows %j', (compatible, profile) => {
    expect(findProfile(compatible)).toBe(profile);
  });

  it('takes the most specific string that anybody knows', () => {
    expect(findProfile(['acme,uart-2000', 'acme,uart', 'arm,pl011'], [own])).toBe(own);
    expect(findProfile(['arm,pl011', 'acme,uart'], [own])).toBe(pl011Profile);
  });

  it('prefers the profiles of the caller', () => {
    const better = { ...own, compatible: ['arm,pl011'] };
    expect(findProfile(['arm,pl011'], [better])).toBe(better);
  });

  it('knows nothing about a PrimeCell as such, nor about no strings at all', () => {
    expect([findProfile(['arm,primecell']), findProfile([])]).toEqual([undefined, undefined]);
  });
});

describe.each(builtinProfiles.map((profile) => [profile.name, profile] as const))(
  'the profile of %s',
  (_name, profile) => {
    it('has rules for named registers that can be accessed so', () => {
      for (const rule of profile.eoi) {
        const register = profile.registers.find(
          ({ offset }) => offset === rule.offset || offset === (rule.offset & ~3),
        );
        expect(register?.access).toMatch(rule.access === 'read' ? /r/ : /w/);
      }
    });

    it('names each register once', () => {
      expect(new Set(profile.registers.map(({ offset }) => offset)).size).toBe(
        profile.registers.length,
      );
      expect(new Set(profile.registers.map(({ name }) => name)).size).toBe(
        profile.registers.length,
      );
    });

    it('says what reads do that pop or clear', () => {
      const reads = profile.registers.filter(({ sideEffect }) => sideEffect?.includes('a read'));
      const expected =
        {
          'ARM PL011 UART': 1,
          '16550A UART': 4,
          'DesignWare APB UART': 5,
          'Altera PS/2 core': 1,
        }[profile.name] ?? 0;
      expect(reads.length).toBe(expected);
    });
  },
);

describe('the 16550 profile', () => {
  it('can be had for registers that lie apart', () => {
    const { registers, eoi, hints } = ns16550ProfileFor(2);
    expect(registers.map(({ offset }) => offset)).toEqual([0, 4, 8, 12, 16, 20, 24, 28]);
    expect(eoi.find(({ offset, access }) => offset === 20 && access === 'read')).toBeDefined();
    expect(hints?.properties).toEqual({ 'reg-shift': 2, 'reg-io-width': 1 });
  });
});

function fires(
  rule: EoiRule,
  access: EoiRule['access'],
  offset: number,
  width: number,
  data: number,
): boolean {
  const lanes = rule.offset - offset;
  if (rule.access !== access || lanes < 0 || lanes >= width) return false;
  if (rule.mask === undefined) return true;
  const bits = (data >>> (8 * lanes)) & rule.mask;
  return rule.value === undefined ? bits !== 0 : bits === rule.value;
}

/** Characters must arrive at any divisor that chance programs. */
const FAST_CLOCK = 1e12;

const WIDTHS: readonly ModelWidth[] = [1, 2, 4];

interface Subject {
  readonly profile: DeviceProfile;
  readonly model: () => DeviceModel;
  readonly disturb: (model: DeviceModel, random: SeededRandom) => void;
}

const subjects: Readonly<Record<string, Subject>> = {
  PL031: {
    profile: pl031Profile,
    model: () => new Pl031({ tickNs: 1000 }),
    disturb: () => undefined,
  },
  PL061: {
    profile: pl061Profile,
    model: () => new Pl061(),
    disturb: (model, random) => (model as Pl061).setPin(random.below(8), random.below(2) === 1),
  },
  PL011: {
    profile: pl011Profile,
    model: () => new Pl011({ clockHz: FAST_CLOCK }),
    disturb: (model, random) => {
      (model as Pl011).receive([random.below(256)], random.below(2) ? 'good' : 'parity');
      (model as Pl011).setModem({ ri: random.below(2) === 1 });
    },
  },
  '16550': {
    profile: ns16550Profile,
    model: () => new Ns16550({ clockHz: FAST_CLOCK }),
    disturb: (model, random) => {
      (model as Ns16550).receive([random.below(256)], random.below(2) ? 'good' : 'parity');
      (model as Ns16550).setModem({ cts: random.below(2) === 1 });
    },
  },
  'the DW APB UART': {
    profile: dwApbUartProfile,
    model: () => new DwApbUart({ clockHz: FAST_CLOCK }),
    disturb: (model, random) => {
      (model as DwApbUart).receive([random.below(256)], random.below(2) ? 'good' : 'parity');
      (model as DwApbUart).setModem({ cts: random.below(2) === 1 });
    },
  },
  'virtio-mmio': {
    profile: virtioMmioProfile,
    model: () => new VirtioMmio(new VirtioRng()),
    // A queue at an address that is not mapped: it breaks, which is an interrupt.
    disturb: (model, random) => {
      if (random.below(4) === 0) model.reset();
      for (const [offset, value] of [
        [0x24, 1],
        [0x20, 1],
        [0x70, 15],
        [0x30, 0],
        [0x38, 8],
        [0x44, 1],
        [0x50, 0],
      ] as const) {
        model.write(0, offset, 4, value);
      }
    },
  },
  'the PS/2 core': {
    profile: alteraPs2Profile,
    model: () => new AlteraPs2({ byteNs: 1000 }),
    disturb: (model, random) => (model as AlteraPs2).send([random.below(256)]),
  },
};

describe.each(Object.entries(subjects))('the EOI rules of %s', (_name, subject) => {
  it('catch every access after which the line has dropped', () => {
    const random = new SeededRandom(4711);
    const board = new Board(subject.model());
    const { profile } = subject;
    // Few of the 256 GPIODATA registers, so that the others get their turn.
    const registers = profile.registers.filter(
      ({ name }, index) => !name.startsWith('GPIODATA') || index % 64 === 0,
    );
    const size = board.model.regions[0]?.size ?? 0;
    // The distance between registers.
    const stride = (registers[1]?.offset ?? 0) < 4 ? 1 : 4;
    let drops = 0;
    for (let step = 0; step < 50_000; step++) {
      const register = registers[random.below(registers.length)];
      const width = WIDTHS[random.below(3)] as ModelWidth;
      const at = (register?.offset ?? 0) + random.below(stride);
      const offset = Math.min(at & ~(width - 1), size - width);
      const before = board.isHigh();
      const access = random.below(3) ? 'write' : 'read';
      let data = random.below(2) ? random.below(2 ** 32) : 1 << random.below(12);
      data = (data >>> 0) % 2 ** (8 * width);
      if (access === 'write') board.write(offset, data, width);
      else data = board.read(offset, width);
      if (before && !board.isHigh()) {
        drops++;
        if (!profile.eoi.some((rule) => fires(rule, access, offset, width, data))) {
          expect.fail(`no rule for a ${access} of ${data} at ${offset}, width ${width}`);
        }
      }
      if (random.below(4) === 0) subject.disturb(board.model, random);
      if (random.below(4) === 0) board.advance(random.below(50_000));
    }
    expect(drops).toBeGreaterThan(10);
  });
});
