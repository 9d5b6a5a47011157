// Without one here, vitest would take that of the project.
export default {};
