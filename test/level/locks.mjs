// Opens the database at argv[2] and says what came of it; keeps it open until stdin ends.
const { NoriLevel } = await import('../../dist/level.js');

const db = new NoriLevel(process.argv[2]);
try {
  await db.open();
  console.log('open');
} catch (error) {
  console.log(`${error.code} ${error.cause?.code}`);
}
process.stdin.resume();
process.stdin.once('end', () => void db.close());
