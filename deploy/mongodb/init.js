// Makes the replica set and its two users; run again, it finds them and does nothing.
//
// It runs inside the network of mongodb-1, because MongoDB lets somebody without a password make the set and the first user only from
// its own machine, and only as long as there is no user.

const fs = require("fs");
const secret = (name) => fs.readFileSync("/run/secrets/" + name, "utf8").trim();

const admin = db.getSiblingDB("admin");
const signIn = () => {
  try {
    return admin.auth("admin", secret("mongodb_admin_password")).ok === 1;
  } catch (e) {
    if (e.codeName === "AuthenticationFailed") return false;
    throw e;
  }
};

let known = signIn();
if (!known) {
  try {
    rs.initiate({
      _id: "landfall",
      // The first is preferred, so that what follows finds it as the primary; any of them may become it later.
      members: [1, 2, 3].map((n) => ({ _id: n - 1, host: `mongodb-${n}:27017`, priority: n === 1 ? 2 : 1 })),
    });
    print("replica set made");
  } catch (e) {
    if (e.codeName !== "AlreadyInitialized") throw e;
  }
}

const until = Date.now() + 120000;
while (!db.hello().isWritablePrimary) {
  if (Date.now() > until) throw new Error("mongodb-1 has not become the primary within two minutes");
  sleep(500);
}

if (!known) {
  admin.createUser({ user: "admin", pwd: secret("mongodb_admin_password"), roles: ["root"] }, { w: "majority" });
  print("user admin made");
  known = signIn();
  if (!known) throw new Error("the user that was just made cannot sign in");
}
if (admin.getUser("landfall") === null) {
  admin.createUser(
    {
      user: "landfall",
      pwd: secret("mongodb_password"),
      roles: [
        { role: "readWrite", db: "landfall" },
        { role: "clusterMonitor", db: "admin" }, // what "landfall check" looks at
      ],
    },
    { w: "majority" },
  );
  print("user landfall made");
}
