import { expect, test } from "vitest";
import type { LoadResult } from "./load.js";
import { formatErrors, formatPercentiles, formatRequests } from "./locust-tables.js";

/** What Locust 2.47 printed for a run of its own; the figures below are that run's. */
const requests = `Type     Name                                                                          # reqs      # fails |    Avg     Min     Max    Med |   req/s  failures/s
--------|----------------------------------------------------------------------------|-------|-------------|-------|-------|-------|-------|--------|-----------
POST     /predict                                                                        1432   117(8.17%) |     71      17    1056     72 |  251.65       20.56
--------|----------------------------------------------------------------------------|-------|-------------|-------|-------|-------|-------|--------|-----------
         Aggregated                                                                      1432   117(8.17%) |     71      17    1056     72 |  251.65       20.56
`;
const percentiles = `Response time percentiles (approximated)
Type     Name                                                                                  50%    66%    75%    80%    90%    95%    98%    99%  99.9% 99.99%   100% # reqs
--------|--------------------------------------------------------------------------------|--------|------|------|------|------|------|------|------|------|------|------|------
POST     /predict                                                                               72     80     84     84     91     92     93     96   1000   1100   1100   1432
--------|--------------------------------------------------------------------------------|--------|------|------|------|------|------|------|------|------|------|------|------
         Aggregated                                                                             72     80     84     84     91     92     93     96   1000   1100   1100   1432
`;
const errors = `Error report
# occurrences      Error
------------------|---------------------------------------------------------------------------------------------------------------------------------------------
117                POST /predict: answered 503 Service Unavailable
------------------|---------------------------------------------------------------------------------------------------------------------------------------------
`;

const result: LoadResult = {
  seconds: 5.69,
  requests: 1432,
  failures: 117,
  requests_per_second: 251.65,
  failures_per_second: 20.56,
  average: 71,
  min: 17,
  max: 1056,
  median: 72,
  percentiles: { 50: 72, 66: 80, 75: 84, 80: 84, 90: 91, 95: 92, 98: 93, 99: 96, "99.9": 1000, "99.99": 1100, 100: 1100 },
  average_bytes: 40,
  errors: { "answered 503 Service Unavailable": 117 },
  errors_seen: { "answered 503 Service Unavailable": [0, 1000] },
  series: [],
};
const rows = [{ method: "POST", name: "/predict", result }];

test("the tables are Locust's, to the character", () => {
  expect(formatRequests(rows, result)).toBe(requests);
  expect(formatPercentiles(rows, result)).toBe(percentiles);
  expect(formatErrors(rows)).toBe(errors);
});

test("no failures, no error report; no requests, no division by zero", () => {
  const none = { ...result, requests: 0, failures: 0, errors: {} };
  const empty = [{ ...rows[0]!, result: none }];
  expect(formatErrors(empty)).toBe("");
  expect(formatRequests(empty)).toContain(" 0     0(0.00%) |");
});
