/* What a generated package asks for its library. */
const void *sr_table(void) { return 0; }
