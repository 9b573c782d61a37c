{
  'variables': {
    'warnings': ['-Wall', '-Wextra', '-Wshadow', '-Wvla'],
    'version': '<!(node -p "require(\'./package.json\').version")',
    'no_runtime': ['-fno-exceptions', '-fno-rtti'],
    # In a checkout only: the test tools are built, and a warning is an error. The package has no native/test, and a
    # warning of another compiler must not fail its installation.
    'with_tests%': '<!(test -d native/test && echo 1 || echo 0)',
  },
  'target_defaults': {
    'include_dirs': ['native'],
    'cflags!': ['-Wno-unused-parameter', '-O3'],
    'cflags_cc!': ['-std=gnu++20', '-std=gnu++17', '-std=gnu++1y'],
    'cflags': ['<@(warnings)', '-O2', '-fvisibility=hidden'],
    'cflags_cc': ['<@(no_runtime)', '-std=c++17'],
    'default_configuration': 'Release',
    'conditions': [['with_tests==1', {'cflags': ['-Werror']}]],
  },
  'targets': [
    {
      'target_name': 'outlive',
      'sources': [
        '<!@(ls native/addon/*.cc)',
        'native/common/descriptors.cc',
        'native/common/pidfd.cc',
        'native/common/text.cc',
      ],
      # The package has these headers beside this file. As a dependency of the package, Yarn would install node-gyp for it.
      'include_dirs': ['<!(test -d node-addon-api && echo node-addon-api || node -p "require(\'node-addon-api\').include_dir")'],
      'defines': ['NAPI_VERSION=9', 'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED'],
    },
    {
      'target_name': 'outlive-shim',
      'type': 'executable',
      'defines': ['OUTLIVE_VERSION="<(version)"'],
      'sources': ['<!@(ls native/common/*.cc native/shim/*.cc)'],
      'ldflags!': ['-rdynamic'],
      'ldflags': ['-static', '-Wl,--gc-sections'],
      'cflags': ['-ffunction-sections', '-fdata-sections'],
    },
    {
      'target_name': 'outlive-host',
      'type': 'executable',
      'sources': ['<!@(ls native/common/*.cc native/host/*.cc native/host/*/*.cc)'],
      'ldflags!': ['-rdynamic'],
      'ldflags': ['-static', '-Wl,--gc-sections'],
      'cflags': ['-ffunction-sections', '-fdata-sections'],
    },
  ],
  'conditions': [
    ['with_tests==1', {
      'targets': [
        {
          'target_name': 'outlive-json-tool',
          'type': 'executable',
          'sources': ['native/test/json_tool.cc', '<!@(ls native/common/*.cc)'],
        },
        {
          'target_name': 'outlive-common-tool',
          'type': 'executable',
          'sources': ['native/test/common_tool.cc', '<!@(ls native/common/*.cc)'],
        },
        {
          'target_name': 'outlive-output-log-tool',
          'type': 'executable',
          # With a clock of its own.
          'sources': [
            'native/test/output_log_tool.cc',
            'native/shim/output_log.cc',
            'native/shim/log_directory.cc',
            'native/shim/log_segment.cc',
            '<!@(ls native/common/*.cc | grep -v /clock.cc)',
          ],
        },
        {
          'target_name': 'outlive-cgroup-tool',
          'type': 'executable',
          'sources': [
            'native/test/cgroup_tool.cc',
            'native/host/bundle/fields.cc',
            'native/host/bundle/limits.cc',
            'native/host/bundle/unsupported.cc',
            'native/host/stats/cgroup.cc',
            'native/host/stats/json.cc',
            '<!@(ls native/common/*.cc)',
          ],
        },
        {
          'target_name': 'outlive-test-reaper',
          'type': 'executable',
          'sources': [
            'native/test/reaper.cc',
            'native/host/members/process_tree.cc',
            '<!@(ls native/common/*.cc)',
          ],
        },
        {
          'target_name': 'outlive-test-zombie-leader',
          'type': 'executable',
          'sources': ['native/test/zombie_leader.cc'],
          'ldflags!': ['-rdynamic'],
          'ldflags': ['-static', '-pthread'],
        },
      ],
    }],
  ],
}
