import { use } from 'chai';
import chaiAsPromised from 'chai-as-promised';

use(chaiAsPromised);

// The suite calls what are properties in chai: `expect(x).to.be.true()`.
use(({ Assertion }) => {
  for (const name of ['true', 'false', 'exist']) {
    Assertion.overwriteProperty(
      name,
      (check) =>
        function checkAndReturnFunction() {
          check.call(this);
          return () => this;
        },
    );
  }
});

export { expect } from 'chai';
