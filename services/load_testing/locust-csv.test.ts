import { expect, test } from "vitest";
import type { LoadResult } from "./load.js";
import { formatCsvFiles } from "./locust-csv.js";

const percentiles = { 50: 72.9, 66: 80, 75: 84, 80: 84, 90: 91, 95: 92, 98: 93, 99: 96, "99.9": 1000, "99.99": 1056, 100: 1056 };
const total = { requests: 1432, failures: 117, average: 71.5, min: 17.25, max: 1056, median: 72.9, percentiles, average_bytes: 40.5 };
const message = 'no answer: "x", y';
const result: LoadResult = {
  ...total,
  ...{ seconds: 5.69, requests_per_second: 251.67, failures_per_second: 20.56, series: [] },
  errors: { [message]: 117 },
  errors_seen: { [message]: [1_700_000_000_000, 1_700_000_005_999] },
};
const second = { second: 1, users: 20, requests: 250, failures: 3, median: 70, p95: 90 };

test("the files have the columns that Locust 2.47 writes, in its order", () => {
  const files = formatCsvFiles([{ method: "POST", name: "/predict", result }], result, [{ timestamp: 1_700_000_000, second, total }]);
  const times = "72,80,84,84,91,92,93,96,1000,1056,1056";
  expect(files).toEqual({
    "_stats.csv":
      "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\r\n" +
      `POST,/predict,1432,117,72.9,71.5,17.25,1056,40.5,251.67,20.56,${times}\r\n` +
      `,Aggregated,1432,117,72.9,71.5,17.25,1056,40.5,251.67,20.56,${times}\r\n`,
    "_stats_history.csv":
      "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%,Total Request Count,Total Failure Count,Total Median Response Time,Total Average Response Time,Total Min Response Time,Total Max Response Time,Total Average Content Size\r\n" +
      `1700000000,20,,Aggregated,250.000000,3.000000,${times},1432,117,72.9,71.5,17.25,1056,40.5\r\n`,
    "_failures.csv":
      "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n" +
      'POST,/predict,"no answer: ""x"", y",117,2023-11-14T22:13:20Z,2023-11-14T22:13:25Z\r\n',
    "_exceptions.csv": "Count,Message,Traceback,Nodes\r\n",
  });
});

test("percentiles of no requests are N/A, as Locust's are", () => {
  const none = { ...result, requests: 0, failures: 0, errors: {} };
  expect(formatCsvFiles([], none, [])["_stats.csv"]).toMatch(/,N\/A,N\/A\r\n$/);
});
