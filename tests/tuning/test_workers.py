"""How a job ends."""

import signal
import subprocess
import sys

import pytest

from tuning.workers import Job


@pytest.fixture
def job():
    """A job that would take a minute."""
    job = Job(subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"]))
    yield job
    job.kill()


@pytest.mark.parametrize(("end", "number"), [(Job.stop, signal.SIGTERM), (Job.kill, signal.SIGKILL)])
def test_a_job_ends_when_it_is_told_to(job, end, number):
    assert job.poll() is None
    with pytest.raises(TimeoutError):
        job.wait(0.01)
    end(job)
    assert job.wait() == job.poll() == -number
