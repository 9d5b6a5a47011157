// dynalite answers for DynamoDB and keeps its tables in `level`, which is ours by an override.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryDirectory } from '../temporary.mjs';

const require = createRequire(import.meta.url);
const dynalite = require('dynalite');
const aws4 = require('aws4');

const { Level } = createRequire(require.resolve('dynalite'))('level');
assert.equal(Level, require('nori-lsm/level').NoriLevel, 'the override is not in place');

const path = join(temporaryDirectory(), 'tables');
const items = 500;

async function start() {
  const server = dynalite({ path, createTableMs: 0, deleteTableMs: 0 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const call = async (operation, body) => {
    const request = aws4.sign(
      {
        service: 'dynamodb',
        region: 'us-east-1',
        host: `127.0.0.1:${port}`,
        method: 'POST',
        path: '/',
        headers: {
          'Content-Type': 'application/x-amz-json-1.0',
          'X-Amz-Target': `DynamoDB_20120810.${operation}`,
        },
        body: JSON.stringify(body),
      },
      { accessKeyId: 'any', secretAccessKey: 'any' },
    );
    const { Host: _, 'Content-Length': __, ...headers } = request.headers;
    const response = await fetch(`http://127.0.0.1:${port}/`, { ...request, headers });
    const answer = await response.json();
    assert.ok(response.ok, JSON.stringify(answer));
    return answer;
  };
  return { call, stop: promisify(server.close.bind(server)) };
}

const keyOf = (i) => ({ by: { S: i % 2 ? 'odd' : 'even' }, at: { N: String(i) } });
const query = (by) => ({
  TableName: 'numbers',
  KeyConditionExpression: '#by = :by AND #at BETWEEN :from AND :to',
  ExpressionAttributeNames: { '#by': 'by', '#at': 'at' },
  ExpressionAttributeValues: { ':by': { S: by }, ':from': { N: '9' }, ':to': { N: '14' } },
  ScanIndexForward: false,
});

const first = await start();
await first.call('CreateTable', {
  TableName: 'numbers',
  AttributeDefinitions: [
    { AttributeName: 'by', AttributeType: 'S' },
    { AttributeName: 'at', AttributeType: 'N' },
  ],
  KeySchema: [
    { AttributeName: 'by', KeyType: 'HASH' },
    { AttributeName: 'at', KeyType: 'RANGE' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
});
for (let active = false; !active;) {
  const { Table } = await first.call('DescribeTable', { TableName: 'numbers' });
  active = Table.TableStatus === 'ACTIVE';
}
for (let i = 0; i < items; i += 25) {
  const puts = Array.from({ length: 25 }, (_, j) => ({
    PutRequest: { Item: { ...keyOf(i + j), square: { N: String((i + j) ** 2) } } },
  }));
  await first.call('BatchWriteItem', { RequestItems: { numbers: puts } });
}
await first.call('DeleteItem', { TableName: 'numbers', Key: keyOf(12) });
await first.stop();

const second = await start();
const { Item } = await second.call('GetItem', { TableName: 'numbers', Key: keyOf(7) });
assert.equal(Item.square.N, '49');
const { Items } = await second.call('Query', query('even'));
assert.deepEqual(
  Items.map(({ at }) => at.N),
  ['14', '10'],
);
const { Count } = await second.call('Scan', { TableName: 'numbers', Select: 'COUNT' });
assert.equal(Count, items - 1);
await second.stop();
console.log(`dynalite 4: ${items} items put, queried and scanned after a restart of the server`);
