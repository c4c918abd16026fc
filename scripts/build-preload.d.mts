export function buildPreload(): { library: string } | { reason: string };
