/**
 * The part of the KVM ABI (linux/kvm.h) that irqfds need.
 * Both AssemblyScript and TypeScript, like vfio.ts.
 */

/** _IOW(0xAE, 0x76, struct kvm_irqfd) */
export const KVM_IRQFD = 0x4020ae76;

// struct kvm_irqfd
export const KVM_IRQFD_SIZE = 32;
export const KVM_IRQFD_FD = 0;
export const KVM_IRQFD_GSI = 4;
export const KVM_IRQFD_FLAGS = 8;
export const KVM_IRQFD_RESAMPLEFD = 12;
export const KVM_IRQFD_FLAG_DEASSIGN = 1;
export const KVM_IRQFD_FLAG_RESAMPLE = 2;
