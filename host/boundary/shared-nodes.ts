import { ENOENT, O_CLOEXEC, O_RDWR } from '../../assembly/abi/linux';
import type { Kernel } from './kernel';
import { SharedDma } from './shared-dma';

/** A node that several devices of this process have open through one descriptor. */
export interface SharedNode {
  readonly path: string;
  readonly fd: number;
  users: number;
  /** The container that this group has joined. */
  container?: SharedNode | undefined;
  /** DMA mappings that devices of this process share (containers only). */
  readonly dma?: SharedDma;
}

const CONTAINER_PATH = '/dev/vfio/vfio';
export const IOMMUFD_PATH = '/dev/iommu';

const ofKernel = new WeakMap<Kernel, SharedNodes>();

/**
 * Groups, containers and /dev/iommu: opened once per process and shared by its
 * devices; the last user's close is the real one (spec S2.3, S2.4).
 */
export class SharedNodes {
  readonly #byPath = new Map<string, SharedNode>();
  readonly #containers: SharedNode[] = [];
  readonly #kernel: Kernel;
  /** Real paths of the devices that are attached now. */
  readonly attached = new Set<string>();

  private constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** The shared nodes of this process on `kernel`. */
  static of(kernel: Kernel): SharedNodes {
    let nodes = ofKernel.get(kernel);
    if (nodes === undefined) {
      nodes = new SharedNodes(kernel);
      ofKernel.set(kernel, nodes);
    }
    return nodes;
  }

  #open(path: string): SharedNode | number {
    const fd = this.#kernel.open(path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? fd : { path, fd, users: 1 };
  }

  /** Opens the node at `path`, or takes part in it; −errno on failure. */
  open(path: string): SharedNode | number {
    const known = this.#byPath.get(path);
    if (known !== undefined) {
      known.users++;
      return known;
    }
    const node = this.#open(path);
    if (typeof node !== 'number') this.#byPath.set(path, node);
    return node;
  }

  /** Takes part in the index-th container of this process; −ENOENT beyond the last. */
  container(index: number): SharedNode | number {
    const node = this.#containers[index];
    if (node === undefined) return -ENOENT;
    node.users++;
    return node;
  }

  newContainer(): SharedNode | number {
    const node = this.#open(CONTAINER_PATH);
    if (typeof node === 'number') return node;
    const container = { ...node, dma: new SharedDma() };
    this.#containers.push(container);
    return container;
  }

  /** Takes part in the container that the group at `groupPath` has joined. */
  containerOf(groupPath: string): SharedNode | number {
    const node = this.#byPath.get(groupPath)?.container;
    if (node === undefined) return -ENOENT;
    node.users++;
    return node;
  }

  /** The node behind a descriptor, when it is one of the shared ones. */
  find(fd: number): SharedNode | undefined {
    for (const node of this.#byPath.values()) if (node.fd === fd) return node;
    return this.#containers.find((node) => node.fd === fd);
  }

  /** Notes that the group with descriptor `groupFd` has joined a container. */
  join(groupFd: number, containerFd: number): void {
    const group = this.find(groupFd);
    if (group !== undefined) group.container = this.find(containerFd);
  }

  /** Notes that the group with descriptor `groupFd` has left its container. */
  leave(groupFd: number): void {
    const group = this.find(groupFd);
    if (group !== undefined) group.container = undefined;
  }

  /** Ends one user's part; the last one closes the descriptor. */
  close(node: SharedNode): number {
    node.users--;
    if (node.users > 0) return 0;
    if (this.#byPath.get(node.path) === node) this.#byPath.delete(node.path);
    const index = this.#containers.indexOf(node);
    if (index >= 0) this.#containers.splice(index, 1);
    return this.#kernel.close(node.fd);
  }
}
