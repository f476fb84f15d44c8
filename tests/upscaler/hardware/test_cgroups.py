"""A container, or a service, that may use a part of the machine opens no more threads than that."""

from math import inf

import pytest

from upscaler import Upscaler
from upscaler.hardware import cgroups, cpu

V2 = "31 23 0:27 {shown} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw"
V1 = "34 31 0:29 {shown} /sys/fs/cgroup/cpu,cpuacct ro shared:9 - cgroup cgroup rw,cpu,cpuacct"
V1_MEMORY = "37 31 0:32 {shown} /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return what makes a machine of 64 cores in a folder: its groups, mounts and limits."""
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    monkeypatch.setattr(cpu.os, "sched_getaffinity", lambda process: set(range(64)), raising=False)

    def make(groups, mounts, limits):
        files = {"proc/self/cgroup": groups, "proc/self/mountinfo": "\n".join(mounts), **limits}
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n" if text != "" else "")

    return make


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("max 100000", 64),
     ("9900000 100000", 64), ("", 64)],
)  # fmt: skip
def test_a_container_has_the_cores_that_its_limit_is_worth(machine, limit, cores):
    machine("0::/", [V2.format(shown="/")], {"sys/fs/cgroup/cpu.max": limit})
    assert cpu.cores() == cores


def test_the_least_limit_of_nested_groups_counts(machine):
    limits = {"system.slice": "max 100000", "system.slice/job": "300000 100000",
              "system.slice/job/worker": "800000 100000"}  # fmt: skip
    files = {f"sys/fs/cgroup/{name}/cpu.max": text for name, text in limits.items()}
    machine("0::/system.slice/job/worker", [V2.format(shown="/")], files)
    assert cpu.cores() == 3


@pytest.mark.parametrize("shown", ["/", "/docker/8f3a"])
@pytest.mark.parametrize(("quota", "cores"), [(250000, 3), (-1, 64)])
def test_version_1_in_a_container_that_may_see_only_its_own_group(machine, shown, quota, cores):
    folder = "sys/fs/cgroup/cpu,cpuacct" + ("/docker/8f3a" if shown == "/" else "")
    files = {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": 100000}
    groups = "4:memory:/docker/8f3a\n2:cpu,cpuacct:/docker/8f3a\n1:name=systemd:/docker/8f3a"
    machine(groups, [V1_MEMORY.format(shown=shown), V1.format(shown=shown)], files)
    assert cpu.cores() == cores


def test_both_versions_at_once_as_some_systems_mount_them(machine):
    mounts = ["30 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw", V1.format(shown="/")]
    files = {"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": 400000,
             "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": 100000}  # fmt: skip
    machine("2:cpu,cpuacct:/a\n0::/a", mounts, files)
    assert cpu.cores() == 4


def test_a_machine_without_control_groups_has_all_its_cores(machine):
    machine("", ["23 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw"], {})
    assert cpu.cores() == 64
    assert cgroups.cpu_limit() == cgroups.memory_limit() == inf


def test_memory_is_the_least_of_all_limits_too(machine):
    files = {"sys/fs/cgroup/a/memory.max": 1 << 30, "sys/fs/cgroup/a/b/memory.max": "max"}
    machine("0::/a/b", [V2.format(shown="/")], files)
    assert cpu.memory_bytes() == 1 << 30
    machine("3:memory:/a", [V1_MEMORY.format(shown="/a")],
            {"sys/fs/cgroup/memory/memory.limit_in_bytes": 1 << 29})  # fmt: skip
    assert cpu.memory_bytes() == 1 << 29


def test_a_run_opens_as_many_streams(machine):
    machine("0::/", [V2.format(shown="/")], {"sys/fs/cgroup/cpu.max": "200000 100000"})
    with Upscaler("fast", scale=2, runtime="cpu") as upscaler:
        assert upscaler.streams == upscaler.choice.runtime.streams == 2
