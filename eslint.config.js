import tseslint from 'typescript-eslint';

// Time, randomness and timers enter through base/clock.ts and base/prng.ts, so that a test can own them.
const useClock = 'take a Clock (src/base/clock.ts)';
const usePrng = 'take a RandomSource (src/base/prng.ts)';

export default tseslint.config(
  // Types of packages/ are not of the project of tsconfig.json: what they import is what was built.
  {
    ignores: [
      'dist/',
      'coverage/',
      'node_modules/',
      '**/.nori-*/',
      'docs/api/',
      'packages/*/index.d.ts',
    ],
  },
  {
    files: ['**/*.{ts,js,mjs,cjs}'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-debugger': 'error',
      'no-unused-private-class-members': 'error',
      'no-unsafe-finally': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    ignores: ['vitest.config.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { project: ['./tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      // `catch {` and parameters that an interface asks for.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // An implementation may answer at once where its interface lets others wait.
      '@typescript-eslint/require-await': 'off',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Name what you export.' },
        { selector: 'TSParameterProperty', message: 'Declare the field.' },
        { selector: 'TSEnumDeclaration', message: 'Use a union of literals.' },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/**/*.test.ts', 'src/cli/**', 'src/bench/**', 'src/base/{clock,prng}.ts'],
    rules: {
      'no-console': 'error',
      'no-promise-executor-return': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: usePrng },
        { object: 'Date', property: 'now', message: useClock },
        { object: 'performance', property: 'now', message: useClock },
        { object: 'process', property: 'hrtime', message: useClock },
      ],
      'no-restricted-globals': [
        'error',
        { name: 'Date', message: useClock },
        { name: 'performance', message: useClock },
        { name: 'setTimeout', message: useClock },
        { name: 'setInterval', message: useClock },
        { name: 'crypto', message: usePrng },
      ],
    },
  },
  {
    // Tests may poke: handing a method over, a value of the wrong type, a cast of parsed text.
    files: ['test/**/*.ts', 'src/**/*.test.ts'],
    rules: {
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },
);
