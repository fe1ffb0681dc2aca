/** What the shell is told. `left`: stopped by SIGTERM, the job goes on another time (128 + 15, as shells count). */
export const EXIT = { done: 0, failed: 1, refused: 2, cancelled: 130, left: 143 } as const
