"""The errors of commands say how to mend what they found."""

import sys
from pathlib import Path

import pytest

from gateway.clusters.configuration import clusters
from gateway.settings import get_settings
from hpc_gateway_client.commands import main


def test_a_gateway_that_does_not_answer_is_asked_for_by_its_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hpc_gateway_client.commands.connection.SHORT_PATIENCE_S", 0.0)
    monkeypatch.setattr(sys, "argv", ["hpc-gateway", "status", "--url", "http://127.0.0.1:1"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 5
    assert "(--url, or GATEWAY_URL)?" in capsys.readouterr().err


def test_doctor_names_the_file_and_its_clusters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEWAY_INFRASTRUCTURES", str(tmp_path / "infrastructures.toml"))
    monkeypatch.setattr(sys, "argv", ["hpc-gateway", "doctor", "nowhere"])
    get_settings.cache_clear()
    clusters.cache_clear()
    with pytest.raises(SystemExit) as end:
        main()
    get_settings.cache_clear()
    clusters.cache_clear()
    assert end.value.code == 1
    assert (
        f"{tmp_path}/infrastructures.toml (GATEWAY_INFRASTRUCTURES), which defines no"
        in capsys.readouterr().err
    )


def test_a_demo_without_its_packages_says_how_to_install_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("run", "check"):
        monkeypatch.delitem(sys.modules, f"hpc_gateway_commands.demo.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(sys, "argv", ["hpc-gateway", "demo"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert "the demo needs matplotlib; install" in capsys.readouterr().err
