"""Wine, which runs programs of Windows."""

load("//third_party:debian.bzl", "APT")

# What the tests' programs and the start of a prefix need. All others, 600 MB, would be copied into the prefix of each test.
_KEEP = [
    "advapi32.dll",
    "apisetschema.dll",
    "attrib.exe",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "cfgmgr32.dll",
    "cmd.exe",
    "combase.dll",
    "coml2.dll",
    "comctl32.dll",
    "conhost.exe",
    "crypt32.dll",
    "dbghelp.dll",
    "dnsapi.dll",
    "explorer.exe",
    "gdi32.dll",
    "imm32.dll",
    "iphlpapi.dll",
    "kernel32.dll",
    "kernelbase.dll",
    "mountmgr.sys",
    "msvcp_win.dll",
    "msvcrt.dll",
    "mswsock.dll",
    "ncrypt.dll",
    "netapi32.dll",
    "newdev.dll",
    "nsi.dll",
    "ntdll.dll",
    "ntoskrnl.exe",
    "ole32.dll",
    "oleaut32.dll",
    "plugplay.exe",
    "powrprof.dll",
    "propsys.dll",
    "psapi.dll",
    "rpcrt4.dll",
    "rpcss.exe",
    "rundll32.exe",
    "sechost.dll",
    "secur32.dll",
    "services.exe",
    "setupapi.dll",
    "shcore.dll",
    "shell32.dll",
    "shlwapi.dll",
    "svchost.exe",
    "tzres.dll",
    "ucrtbase.dll",
    "user32.dll",
    "userenv.dll",
    "version.dll",
    "win32u.dll",
    "wineboot.exe",
    "winedevice.exe",
    "winmm.dll",
    "wintrust.dll",
    "ws2_32.dll",
    "zlib1.dll",
]

# Wine finds its files by where its programs are; the places that Debian gave them are put right.
_FETCH = APT + """
apt download libunwind8 libwine libz-mingw-w64 wine64
for package in *.deb; do
  dpkg-deb -x "$package" .
  echo "$package" >>packages.txt
done
rm usr/lib/wine/wineserver
ln -s wineserver64 usr/lib/wine/wineserver
ln -s . usr/share/wine/wine
libraries=usr/lib/x86_64-linux-gnu/wine/x86_64-windows
mkdir kept
for name in $KEEP; do
  [ "$name" = zlib1.dll ] || mv "$libraries/$name" kept/
done
mv usr/x86_64-w64-mingw32/lib/zlib1.dll kept/
rm -rf "$libraries" usr/i686-w64-mingw32 usr/x86_64-w64-mingw32 usr/x86_64-w64-mingw32ucrt apt ./*.deb usr/share/doc
mv kept "$libraries"
"""

def _wine_impl(rctx):
    done = rctx.execute(
        ["bash", "-euc", _FETCH],
        environment = {"ARCHITECTURE": "amd64", "KEEP": " ".join(_KEEP), "SUITES": "trixie"},
        timeout = 1200,
    )
    if done.return_code != 0:
        fail("fetching Wine: {}{}".format(done.stdout, done.stderr))

    # One file stands for all: its text changes with the packages.
    rctx.file("BUILD.bazel", 'exports_files(["packages.txt"])\n')

wine = repository_rule(
    doc = "Wine 10 of Debian 13, unpacked: `usr/lib/wine/wine64` starts a program. The environment's own release of Debian has none.",
    implementation = _wine_impl,
)
