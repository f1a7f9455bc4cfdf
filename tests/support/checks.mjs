// Plays checks: what each promises as its name, and a function that throws unless the promise is kept.
//
// A script that uses this prints `ok <promise>` or `not ok <promise>: why`, and exits with 1 after the first failure.

const DEADLINE_MS = 60_000;

export async function play(checks) {
  for (const [promise, check] of Object.entries(checks)) {
    try {
      await within(check(), "what it waits for never came");
      console.log(`ok ${promise}`);
    } catch (error) {
      console.log(`not ok ${promise}: ${error?.stack ?? error}`);
      process.exit(1);
    }
  }
  process.exit(0);
}

function within(promise, otherwise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(otherwise)), DEADLINE_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
