/** Stands for an error that the machine threw when it was recorded. */
export class ReplayedError extends Error {
  override readonly name = 'ReplayedError';

  constructor() {
    super('the machine threw an error here when this was recorded');
  }
}
