/** Why something was refused: the reason of a `DriveError`, or its code; "accepted" when it was not. */
export async function failure(act: Promise<unknown>): Promise<string> {
  try {
    await act;
  } catch (error) {
    const { code, extra } = error as { code: string; extra?: { reason?: string } };
    return extra?.reason ?? code;
  }
  return "accepted";
}
