import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['build/', 'dist/', 'coverage/', 'node_modules/'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: 'error',
    },
  },
  // The library's own descriptors are closed when a worker is terminated, and never by fs.close() (src/posix/owned.ts).
  {
    files: ['src/**/*.ts'],
    ignores: ['src/posix/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['open', 'pidfdOpen', 'eventfd', 'close'].map((property) => ({
          object: 'posix',
          property,
          message: 'Use posix/owned.js.',
        })),
        ...['fchmodSync', 'fchownSync', 'futimesSync'].map((property) => ({
          property,
          message: '`node --permission` refuses it, whatever is granted.',
        })),
      ],
    },
  },
  // Plain JavaScript: programs that know the library only as it is built.
  {
    files: ['**/*.js', '**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: globals.node },
  },
  { files: ['examples/web-terminal/page/*.js'], languageOptions: { globals: globals.browser } },
);
