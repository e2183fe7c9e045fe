# cython: language_level=3
"""The jobs of one account from one call to slurmctld, as pyslurm's records: pyslurm itself loads all jobs."""

from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy, memset

from pyslurm cimport slurm
from pyslurm.core.job.job cimport Job, Jobs
from pyslurm.slurm cimport job_info_msg_t, slurm_job_info_t, try_xmalloc

from pyslurm import __version__ as pyslurm_version
from pyslurm.core.error import verify_rpc

cdef extern from *:
    const char *BUILT_FOR  # the version of pyslurm, from setup.py

cdef extern from "slurm/slurm.h" nogil:
    int slurm_load_job_user(job_info_msg_t **message, uint32_t user_id, uint16_t show_flags)

# The size of a record differs between versions of Slurm, and pyslurm's version follows Slurm's.
if BUILT_FOR.decode() != pyslurm_version:
    raise ImportError(f"it was built for pyslurm {BUILT_FOR.decode()}, not {pyslurm_version}: build it again")


def load_jobs_of(uint32_t user_id):
    """Return the jobs of the account as a list of pyslurm.Job, without steps and statistics.

    Other threads run during the call.
    """
    cdef Jobs message = Jobs()
    cdef uint16_t flags = slurm.SHOW_ALL | slurm.SHOW_DETAIL
    cdef int code
    with nogil:
        code = slurm_load_job_user(&message.info, user_id, flags)
    verify_rpc(code)
    return [_take(message, index) for index in range(message.info.record_count)]


cdef Job _take(Jobs message, uint32_t index):
    """Move one record out of the message, which is freed with all that is left in it."""
    cdef slurm_job_info_t *record = &message.info.job_array[index]
    cdef Job job = Job.__new__(Job)
    job.ptr = <slurm_job_info_t*>try_xmalloc(sizeof(slurm_job_info_t))
    if not job.ptr:
        raise MemoryError
    memcpy(job.ptr, record, sizeof(slurm_job_info_t))
    memset(record, 0, sizeof(slurm_job_info_t))
    return job
