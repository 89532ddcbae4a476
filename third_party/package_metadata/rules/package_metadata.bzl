"""The one rule that gazelle loads of the package_metadata rule set, which none of the registries has.

Gazelle writes a target of it into every Go repository, to tell auditing tools its package URL. Nothing here reads it.
"""

def _impl(_ctx):
    return [DefaultInfo()]

_package_metadata = rule(
    implementation = _impl,
    attrs = {"purl": attr.string(mandatory = True)},
)

def package_metadata(name, **kwargs):
    # The package's default names this very target.
    _package_metadata(name = name, applicable_licenses = [], **kwargs)
