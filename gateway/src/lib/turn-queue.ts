/** Something to be done at the end of a turn of the event loop. It must not throw: nobody is there to hear of it. */
export interface TurnTask {
  /** Called once for each `add`. */
  runAtTurnEnd(): void;
}

/**
 * What the reads of one turn of the event loop have brought, to be handled in a row when all of them are done. Between two
 * calls into the system the code that handles a request is cold, and each request would warm it up anew: thirty in a row cost a
 * quarter less, edges and all. A turn with one read in it ends at once, so nothing waits for longer than what has already arrived.
 */
export class TurnQueue {
  #tasks: TurnTask[] = [];
  readonly #run = (): void => {
    const tasks = this.#tasks;
    // What the tasks add is for the next turn: reading is never kept waiting by work that breeds work.
    this.#tasks = [];
    for (const task of tasks) task.runAtTurnEnd();
  };

  add(task: TurnTask): void {
    if (this.#tasks.length === 0) setImmediate(this.#run);
    this.#tasks.push(task);
  }
}
