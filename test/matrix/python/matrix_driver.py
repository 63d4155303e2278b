"""Runs cases of matrix_cases as it is told, one a line: {"case": name}; answers {"case": name, "error": text or null}."""
import concurrent.futures
import json
import sys
import threading
import traceback

import matrix_cases


writing = threading.Lock()


def run(name):
    error = None
    try:
        matrix_cases.CASES[name]()
    except BaseException:
        error = traceback.format_exc()
    with writing:
        print(json.dumps({'case': name, 'error': error}), flush=True)


matrix_cases.app.set_current()
matrix_cases.setup()
print('driver ready', flush=True)
with concurrent.futures.ThreadPoolExecutor(8) as threads:
    for line in sys.stdin:
        threads.submit(run, json.loads(line)['case'])
