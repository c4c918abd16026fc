/** How many resources of a kind exist now; see KernelResources. */
export class Counters {
  eventfds = 0;
  mappings = 0;
  dmaMappings = 0;
  watches = 0;
  /** Descriptors that the machine brought (KVM VMs), which no device has to close. */
  foreignFds = 0;
}
