import subprocess
import sys

import pytest

import archscope
from archscope.cli import main
from archscope.writing.keras import write_keras
from archscope.writing.pytorch import write_pytorch

pytest.importorskip("torch")


@pytest.mark.slow
def test_a_page_with_proofs_shows_the_matrix_and_what_the_tools_said(tmp_path):
    assert main(["docs", "lenet5-pytorch", "--proofs", "-o", str(tmp_path)]) == 0
    text = (tmp_path / "lenet5-pytorch" / "index.html").read_text()
    assert 'id="proofs"' in text
    assert text.count('<span class="verdict holds"') > 20
    assert '<span class="verdict differs"' not in text
    # fvcore's own count of the multiply-accumulates, beside ours.
    assert text.count(">416,520<") >= 2
    assert '<th scope="col">It says</th>' in text


def test_a_page_without_proofs_says_what_answers_the_tools_and_not_what_they_said(tmp_path):
    assert main(["docs", "lenet5-pytorch", "-o", str(tmp_path)]) == 0
    text = (tmp_path / "lenet5-pytorch" / "index.html").read_text()
    assert "FlopCountAnalysis.total()" in text
    assert "It says" not in text


def test_a_page_shows_what_archscope_code_prints_without_loading_pytorch(tmp_path):
    code = (
        "import sys; from archscope.cli import main; "
        f"assert main(['docs', 'lenet5-pytorch', '--format', 'markdown', '-o', {str(tmp_path)!r}]) == 0; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    text = (tmp_path / "lenet5-pytorch" / "index.md").read_text()
    network = archscope.load("lenet5-pytorch")
    for source in (write_pytorch(network), write_keras(network)):
        assert f"```python\n{source}\n```" in text
