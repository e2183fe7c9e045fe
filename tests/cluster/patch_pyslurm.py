"""Make an unpacked pyslurm 25.11.2 compile against Slurm 24.11, together with compat2411.h."""

import re
import sys
from pathlib import Path

Substitutions = list[tuple[str, str]]

# File by file, what 24.11 names differently or does not have. Each text must occur.
SUBSTITUTIONS: dict[str, Substitutions] = {
    # pip's metadata stay at 25.11.2; only setup.py's comparison with the library is lifted
    "pyslurm/version.py": [('__version__ = "25.11.2"', '__version__ = "25.11.2+slurm24.11"')],
    "setup.py": [("SLURM_VERSION = get_slurm_version()", 'SLURM_VERSION = "24.11"')],
    "pyslurm/db/step.pyx": [
        ("cstr.to_unicode(self.ptr.cwd)", "None"),
        ("self._get_stdio(self.ptr.std_in)", "None"),
        ("self._get_stdio(self.ptr.std_out)", "None"),
        ("self._get_stdio(self.ptr.std_err)", "None"),
        ("_raw_time(self.ptr.timelimit)", "None"),
    ],
    "pyslurm/db/job.pyx": [
        ("cstr.to_list(self.ptr.resv_req)", "[]"),
        ("u16_parse(self.ptr.segment_size)", "None"),
    ],
    "pyslurm/core/slurmctld/config.pyx": [
        ("u16_parse(self.ptr.epilog_timeout)", "None"),
        ("u16_parse(self.ptr.prolog_timeout)", "None"),
        ("cstr.to_unicode(self.ptr.namespace_plugin)", "None"),
        ("cstr.to_unicode(self.ptr.metrics_type)", "None"),
    ],
    "pyslurm/core/job/step.pyx": [
        ("self._get_stdio(self.ptr.std_in)", "None"),
        ("self._get_stdio(self.ptr.std_out)", "None"),
        ("self._get_stdio(self.ptr.std_err)", "None"),
        ("cstr.to_unicode(self.ptr.cwd)", "None"),
        (
            "js.umsg.step_id = self.ptr.step_id",
            "js.umsg.job_id = self.ptr.step_id.job_id\n        js.umsg.step_id = self.ptr.step_id.step_id",
        ),
    ],
    "pyslurm/core/job/job.pyx": [
        ("cstr.to_list(self.ptr.licenses_allocated)", "cstr.to_list(self.ptr.licenses)"),
        ("cstr.to_unicode(self.ptr.submit_line)", "None"),
        ("u16_parse(self.ptr.segment_size)", "None"),
        ("changes.ptr.step_id.job_id = self.id", "changes.ptr.job_id = self.id"),
        ("msg.step_id.job_id = self.id", "msg.job_id = self.id"),
    ],
    "pyslurm/core/job/submission.pyx": [("resp.step_id.job_id", "resp.job_id")],
    # the figures of a node's allocation are behind a call: see compat2411.h
    "pyslurm/core/node.pyx": [
        ("u64_parse(self.info.alloc_memory, on_noval=0)", "compat_node_alloc_memory(self.info)"),
        ("cstr.to_dict(self.info.alloc_tres_fmt_str)", "cstr.to_dict(compat_node_alloc_tres(self.info))"),
        ("u16_parse(self.info.alloc_cpus, on_noval=0)", "compat_node_alloc_cpus(self.info)"),
        (
            "\ncdef class Nodes(",
            (
                "\ncdef extern from *:\n"
                "    uint16_t compat_node_alloc_cpus(node_info_t *n)\n"
                "    uint64_t compat_node_alloc_memory(node_info_t *n)\n"
                "    char *compat_node_alloc_tres(node_info_t *n)\n"
                "\ncdef class Nodes("
            ),
        ),
    ],
    # private structures, as 24.11 lays them out
    "pyslurm/slurm/extra.pxi": [
        (
            "ctypedef struct job_id_msg_t:\n    slurm_step_id_t step_id",
            "ctypedef struct job_id_msg_t:\n    uint32_t job_id",
        ),
        ("    void *pcon\n    void *conmgr_con\n", "    void *conn\n    int conn_fd\n    void *conmgr_fd\n"),
        ("    char *tls_cert\n    void *conn\n    bool conn_is_mtls\n", ""),
    ],
}

HEADER = "pyslurm/slurm/slurm.h.pxi"
WITH_JOB_ID = ("submit_response_msg", "job_descriptor", "step_update_request_msg")


def substitute(path: Path, substitutions: Substitutions) -> None:
    text = path.read_text()
    for old, new in substitutions:
        if old not in text:
            sys.exit(f"{path}: {old!r} is not there; is this pyslurm 25.11.2?")
        text = text.replace(old, new)
    path.write_text(text)


def add_job_ids(path: Path) -> None:
    """Declare the job_id members that 25.11 replaced by step ids."""
    text = path.read_text()
    for name in WITH_JOB_ID:
        struct = re.search(rf"(cdef struct {name}:\n)(.*?)(\n\n)", text, re.DOTALL)
        if struct is None:
            sys.exit(f"{path}: there is no struct {name}; is this pyslurm 25.11.2?")
        body = struct.group(2)
        if not re.search(r"uint32_t job_id\b", body):
            body = "        uint32_t job_id\n" + body
        if name != "job_descriptor":
            body = body.replace("slurm_step_id_t step_id", "uint32_t step_id")
        text = text[: struct.start(2)] + body + text[struct.end(2) :]
    path.write_text(text)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    for name, substitutions in SUBSTITUTIONS.items():
        substitute(root / name, substitutions)
    add_job_ids(root / HEADER)
